"""Sentences about a study, computed from its summaries. None of them is a verdict."""

from collections.abc import Sequence

from zimage_eval.config.variants import Variant
from zimage_eval.metrics.catalogue import METRICS
from zimage_eval.studies.figures import main_metric
from zimage_eval.studies.shown_numbers import index_screened, show_contrast, show_mean
from zimage_eval.studies.summaries import ALL, COVERAGE, Summary, confirm_rows, excludes_zero


def screened_finding(variants: Sequence[Variant], summaries: Sequence[Summary]) -> str:
    """What screening found: the best or the farthest variant, and how many differ."""
    index = index_screened(summaries)
    metric = main_metric(summaries)
    rows = [index[v.name, metric, ALL] for v in variants if metric]
    rows = [row for row in rows if row.mean is not None]
    if metric is None or not rows:
        return "No image could be scored."
    if len(variants) == 1:
        return _single_finding(metric, rows[0], index[rows[0].variant, "all_facts", ALL])
    if METRICS[metric].is_paired:
        return _distance_finding(metric, rows)
    return _ranked_finding(metric, rows, _baseline_name(variants))


def confirm_finding(variants: Sequence[Variant], summaries: Sequence[Summary]) -> str:
    """The one contrast that was named before the run, on prompts of its own."""
    rows = {row.metric: row for row in confirm_rows(summaries, _baseline_name(variants))}
    if not rows:
        return "No contrast was named to be confirmed."
    asked = rows[COVERAGE]
    contrasts = []
    for metric in ("alignment", "all_facts"):
        if rows[metric].difference is not None:
            contrasts.append(f"difference in {_words(metric)} **{show_contrast(rows[metric])}**")
    if rows["lpips"].mean is not None:
        contrasts.append(f"LPIPS {show_contrast(rows['lpips'])}")
    found = ", ".join(contrasts) or "nothing could be compared"
    intervals = " (95 % intervals, unadjusted)" * ("[" in found)
    baseline = _baseline_name(variants)
    return (
        f"`{asked.variant}` against the baseline `{baseline}` on {asked.num_prompts} prompts that "
        f"screening did not use: {found}{intervals}."
    )


def coverage_findings(variants: Sequence[Variant], summaries: Sequence[Summary]) -> list[str]:
    """Which pictures are missing and why, and which equal the baseline's to the pixel."""
    names = {variant.name for variant in variants}
    coverages = [row for row in summaries if row.metric == COVERAGE and row.variant in names]
    missing = [row for row in coverages if row.note]
    findings = [f"`{row.variant}` ({row.phase}): {_plain(row.note)}." for row in missing]
    if not missing:
        findings.append("Every picture asked for was made and scored.")
    index = index_screened(summaries)
    for variant in variants:
        identical = index[variant.name, "identical", ALL]
        if identical.mean:
            findings.append(
                f"`{variant.name}`: {identical.mean:.0%} of the screened pictures equal the "
                "baseline's in every pixel."
            )
    return findings


def _single_finding(metric: str, row: Summary, all_facts: Summary) -> str:
    if all_facts.mean is None:
        return f"Without a judge nothing tells good from bad; {_words(metric)} {_with_number(row)}."
    known = f"every fact right in {all_facts.mean:.0%} of the pictures"
    return f"The defaults reach {_words(metric)} {_with_number(row)}, {known}."


def _ranked_finding(metric: str, rows: Sequence[Summary], baseline: str) -> str:
    best = max(row.mean or 0.0 for row in rows)
    leaders = [row for row in rows if row.mean == best]
    names = " and ".join(_named(row, baseline) for row in leaders[:3])
    more = f" and {len(leaders) - 3} more" if len(leaders) > 3 else ""
    compared = [row for row in rows if row.difference_low is not None]
    differing = [row.difference or 0.0 for row in compared if excludes_zero(row)]
    lower, higher = sum(d < 0 for d in differing), sum(d > 0 for d in differing)
    excluded = (
        f"the 95 % interval of the paired difference to the baseline excludes 0 for "
        f"{len(differing)} of {len(compared)} variants ({lower} lower, {higher} higher)"
        if compared
        else "there are too few prompts for intervals of the difference"
    )
    return f"Highest {_words(metric)}: {names}{more}, {show_mean(leaders[0])}; {excluded}."


def _distance_finding(metric: str, rows: Sequence[Summary]) -> str:
    ranked = sorted(rows, key=lambda row: row.mean or 0.0)
    near, far = ranked[0], ranked[-1]
    name = metric.upper()
    if near is far:
        return f"`{far.variant}` is at {name} {_with_number(far)} from the baseline."
    return (
        f"Nearest to the baseline: `{near.variant}`, {name} {show_mean(near)}; farthest: "
        f"`{far.variant}`, {name} {show_mean(far)}. Without a judge, neither is better."
    )


def _with_number(row: Summary) -> str:
    return f"{show_mean(row)} (n = {row.num_prompts} prompts)"


def _named(row: Summary, baseline: str) -> str:
    return f"the baseline `{row.variant}`" if row.variant == baseline else f"`{row.variant}`"


def _baseline_name(variants: Sequence[Variant]) -> str:
    return next(variant.name for variant in variants if variant.is_baseline)


def _words(metric: str) -> str:
    return metric.replace("_", " ")


def _plain(note: str) -> str:
    """An error text that can't be taken for Markdown or HTML."""
    return f"`{note.replace('`', chr(39))}`"
