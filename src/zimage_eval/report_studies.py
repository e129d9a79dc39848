"""What the report says of every study: the overview, then all numbers of each."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zimage_eval.config.measuring import Distribution
from zimage_eval.config.params import Study
from zimage_eval.config.settings import leaves
from zimage_eval.config.variants import Variant
from zimage_eval.findings import confirm_finding, coverage_findings, screened_finding
from zimage_eval.questions.claims import Claim, StudyClaim
from zimage_eval.report_sets import set_tables
from zimage_eval.studies.figures import grid_variants, main_metric
from zimage_eval.studies.shown_numbers import (
    MISSING,
    category_table,
    detail_table,
    index_screened,
    main_table,
    markdown_table,
    metric_table,
    show_contrast,
    show_mean,
)
from zimage_eval.studies.summaries import ALL, COVERAGE, Summary, confirm_rows


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
        if not isinstance(claim, StudyClaim) or claim.study not in by_key:
            continue
        report, place = by_key[claim.study], (claim.study, claim.metric)
        if place in shown or claim.metric == main_metric(report.summaries):
            continue
        table = metric_table(report.variants, claim.metric, index_screened(report.summaries))
        title = f"{claim.metric.replace('_', ' ')} of all variants of {claim.study}"
        shown[place] = "\n\n".join(_fold(title, table)) if number else f"{title}:\n\n{table}"
    return "\n\n".join(shown.values())


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


def show_value(value: object) -> str:
    """A setting as params.yaml would have it."""
    return json.dumps(value, ensure_ascii=False)
