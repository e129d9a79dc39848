"""What the report says of studies: the overview, sentences, all numbers, and sets of pictures."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zimage_eval.config.measuring import BackboneName, BaselineReference, Distribution
from zimage_eval.config.metrics import METRICS
from zimage_eval.config.params import PHASES, Study
from zimage_eval.config.set_metrics import set_metrics
from zimage_eval.config.settings import leaves
from zimage_eval.config.variants import Variant
from zimage_eval.questions.claims.claim import Claim
from zimage_eval.studies.figures import grid_variants, main_metric
from zimage_eval.studies.shown_numbers import (
    ARROWS,
    MISSING,
    category_table,
    detail_table,
    index_screened,
    main_table,
    markdown_table,
    metric_table,
    show_contrast,
    show_interval,
    show_mean,
    variant_cell,
)
from zimage_eval.studies.summaries import (
    ALL,
    COVERAGE,
    IS_REFERENCE,
    Summary,
    confirm_rows,
    excludes_zero,
)


class StudyReport(NamedTuple):
    """What the report says of one study."""

    key: str
    study: Study
    variants: Sequence[Variant]
    summaries: Sequence[Summary]

    @property
    def baseline(self) -> Variant:
        """The variant that equals the defaults."""
        return next(variant for variant in self.variants if variant.is_baseline)


def studies_section(studies: Sequence[StudyReport], distribution: Distribution) -> str:
    """A heading, one row a study, then all numbers of each, in the order given."""
    described = [_describe_study(report, distribution) for report in studies]
    return "\n\n".join(["## All studies", _overview(studies), *described])


def page_values(claims: Iterable[Claim], studies: Sequence[StudyReport]) -> str:
    """Tables of what a page claims and no figure of its study shows: metrics but the main one.

    Args:
        claims: of the page, the primary one first; its table stands open.
        studies: of the report.
    """
    by_key = {report.key: report for report in studies}
    shown: dict[tuple[str, str], str] = {}
    for number, claim in enumerate(claims):
        scores = claim.scores
        if scores is None or scores.study not in by_key:
            continue
        report, place = by_key[scores.study], (scores.study, scores.metric)
        if place in shown or scores.metric == main_metric(report.summaries):
            continue
        table = metric_table(report.variants, scores.metric, index_screened(report.summaries))
        title = f"{scores.metric.replace('_', ' ')} of all variants of {scores.study}"
        shown[place] = "\n\n".join(_fold(title, table)) if number else f"{title}:\n\n{table}"
    return "\n\n".join(shown.values())


def set_tables(
    variants: Sequence[Variant], summaries: Sequence[Summary], settings: Distribution
) -> str:
    """For each backbone a table of variants by metrics that have a number, and the reasons."""
    parts = [f"Against {describe_reference(settings)}; compare rows of one phase alone."]
    for backbone in settings.backbones:
        parts += [_table(variants, summaries, backbone), _reasons(summaries, backbone)]
    return "\n\n".join(part for part in parts if part)


def describe_reference(settings: Distribution) -> str:
    """The reference in words."""
    reference = settings.reference
    if isinstance(reference, BaselineReference):
        return "the baseline's own pictures"
    if reference.source == "folder":
        return f"the pictures of `{reference.path}` (sha256 `{reference.sha256[:16]}`)"
    return f"{reference.num_images:,} drawn scenes with even shares of everything"


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
    incomplete = any(
        row.phase == "confirm" and row.metric == COVERAGE and row.mean is not None and row.mean < 1
        for row in summaries
    )
    return (
        f"`{asked.variant}` against the baseline `{baseline}` on {asked.num_prompts} prompts that "
        f"screening did not use: {found}{intervals}."
        + " Pictures are missing in it, as the coverage says."
        * incomplete
    )


def coverage_findings(variants: Sequence[Variant], summaries: Sequence[Summary]) -> list[str]:
    """Which pictures are missing and why, and which equal the baseline's to the pixel."""
    names = {variant.name for variant in variants}
    coverages = [row for row in summaries if row.metric == COVERAGE and row.variant in names]
    missing = [row for row in coverages if row.note]
    findings = [
        f"`{row.variant}` ({row.phase}){' misses pictures' * (row.mean is not None)}: "
        f"{_plain(row.note)}."
        for row in missing
    ]
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


def show_value(value: object) -> str:
    """A setting as params.yaml would have it."""
    return json.dumps(value, ensure_ascii=False)


def _overview(studies: Sequence[StudyReport]) -> str:
    rows = []
    for report in studies:
        metric = main_metric(report.summaries)
        index = index_screened(report.summaries)
        known = [index[v.name, metric, ALL] for v in report.variants if metric]
        known = sorted((r for r in known if r.mean is not None), key=lambda r: r.mean or 0.0)
        confirmed = [
            row
            for row in confirm_rows(report.summaries, report.baseline.name)
            if row.metric == metric
        ]
        rows.append(
            [
                f"[{report.key}](#{report.key})",
                str(len(report.variants)),
                metric or MISSING,
                show_mean(known[0]) if known else MISSING,
                show_mean(known[-1]) if known else MISSING,
                show_contrast(confirmed[0]) if confirmed else MISSING,
            ]
        )
    head = ["study", "variants", "metric", "lowest", "highest", "confirmed contrast to baseline"]
    return markdown_table(head, rows)


def _describe_study(report: StudyReport, distribution: Distribution) -> str:
    variants, summaries = report.variants, report.summaries
    index = index_screened(summaries)
    metric = main_metric(summaries)
    figures = f"figures/{report.key}"
    parts = [
        f"## {report.key}",
        f"**{report.study.question}**",
        _describe_variants(report),
        screened_finding(variants, summaries),
        f"![Pictures of {report.key}: prompts by variants]({figures}/grid.png)",
        _grid_caption(report),
        main_table(variants, index),
        f"![{metric} by variant of {report.key}]({figures}/effect.png)",
        _effect_caption(report),
        f"![{metric} against cost of {report.key}]({figures}/pareto.png)",
        f"![Categories by variants of {report.key}]({figures}/heatmap.png)",
        f"**Confirmed:** {confirm_finding(variants, summaries)}",
        "**Coverage:** " + " ".join(coverage_findings(variants, summaries)),
    ]
    if metric:
        parts += _fold(f"{metric} by category", category_table(variants, metric, index))
    parts += _fold("all other metrics", detail_table(variants, index))
    parts += _fold("sets of pictures", set_tables(variants, summaries, distribution))
    return "\n\n".join(parts)


def _describe_variants(report: StudyReport) -> str:
    varied = [
        f"`{leaf}` = {', '.join(f'`{show_value(value)}`' for value in values)}"
        for (_, leaf), values in leaves(report.study.vary)
    ]
    if not varied and not report.study.variants:
        return f"Nothing is varied: all settings at their defaults, {_prompts(report)}."
    given: Iterable[str] = report.study.variants
    if given == "templates":
        given = [variant.name for variant in report.variants if not variant.is_baseline]
    named = [f"`{name}`" for name in given]
    what = " x ".join(varied)
    if named:
        what += f"{'; and ' if what else ''}by name {', '.join(named)}"
    return (
        f"Varied: {what}. Everything else at its default; the baseline is "
        f"`{report.baseline.name}`; {_prompts(report)}."
    )


def _prompts(report: StudyReport) -> str:
    index = index_screened(report.summaries)
    return f"n = {index[report.baseline.name, COVERAGE, ALL].num_prompts} prompts"


def _grid_caption(report: StudyReport) -> str:
    num_shown = len(grid_variants(report.variants, report.study.confirm))
    few = f" {num_shown} of {len(report.variants)} variants." * (num_shown < len(report.variants))
    is_judged = main_metric(report.summaries) == "alignment"
    marks = " ✓ every fact holds, ✗ the share of facts that do." * is_judged
    return f"*The first screened prompts of each category, not picked; first seed.{few}{marks}*"


def _effect_caption(report: StudyReport) -> str:
    metric = main_metric(report.summaries)
    if metric is None:
        return "*No image was scored.*"
    words = f"{metric.upper() if metric == 'lpips' else metric.capitalize()} when screened"
    return f"*{words}, means with 95 % intervals over prompts.*"


def _fold(title: str, table: str) -> list[str]:
    return [f'<details markdown="1">\n<summary>{title}</summary>', table, "</details>"]


def _table(
    variants: Sequence[Variant], summaries: Sequence[Summary], backbone: BackboneName
) -> str:
    metrics = set_metrics([backbone])
    found = {(s.variant, s.phase, s.metric): s for s in summaries if s.metric in metrics}
    columns = [
        name
        for name in metrics
        if any(s.metric == name and s.mean is not None for s in found.values())
    ]
    rows = []
    for phase in PHASES:
        for variant in variants:
            row = [found.get((variant.name, phase, name)) for name in columns]
            if any(row):
                shown = [
                    show_interval(each.mean, each.low, each.high, metrics[name].decimals)
                    if each
                    else MISSING
                    for name, each in zip(columns, row, strict=True)
                ]
                rows.append([variant_cell(variant), phase, *shown])
    if not rows:
        return ""
    titles = [name.replace("_", " ") + ARROWS[metrics[name].better] for name in columns]
    return markdown_table(["variant", "phase", *titles], rows)


def _reasons(summaries: Sequence[Summary], backbone: BackboneName) -> str:
    """Each reason for a missing number once, with the metrics it is of."""
    metrics = set_metrics([backbone])
    by_reason: dict[str, set[str]] = {}
    for row in summaries:
        if row.metric in metrics and row.mean is None and row.note and row.note != IS_REFERENCE:
            by_reason.setdefault(f"{row.phase}, {row.note}", set()).add(row.metric)
    lines = [
        f"- no {', '.join(f'`{name}`' for name in metrics if name in names)}: {reason}"
        for reason, names in by_reason.items()
    ]
    return "\n".join(lines)


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
