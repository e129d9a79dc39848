"""The report as Markdown: every sentence in it is computed from parameters and summaries."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from zimage_eval.findings import confirm_finding, coverage_findings, screened_finding
from zimage_eval.machine_results import MachineResults
from zimage_eval.measuring import Distribution
from zimage_eval.params import ModelSpec, Params, Study, Variant
from zimage_eval.report_calibration import calibration_section
from zimage_eval.report_machine import machine_section
from zimage_eval.report_pages import write_page
from zimage_eval.report_sets import set_tables
from zimage_eval.report_tables import (
    MISSING,
    category_table,
    detail_table,
    index_screened,
    main_table,
    markdown_table,
    show_contrast,
    show_interval,
    show_mean,
)
from zimage_eval.report_texts import HOW_TO_READ, JUDGES, VERDICTS
from zimage_eval.report_verdicts import Answer, verdict_table
from zimage_eval.results import Results
from zimage_eval.settings import leaves
from zimage_eval.study_figures import grid_variants, main_metric
from zimage_eval.summaries import ALL, COVERAGE, Summary, confirm_rows

SECTIONS = ("How to read this", "Machines", "All studies")


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


def write_report(
    params: Params,
    spec: ModelSpec,
    weights: str,
    studies: Sequence[StudyReport],
    agreement: Mapping[str, float | None],
    answers: Sequence[Answer],
    results: Mapping[str, Results],
    scorecard: Mapping[str, Any],
    machines: Sequence[MachineResults],
) -> str:
    """The whole report: scorecard, verdicts, a page a question, then all numbers of every study.

    Args:
        params: params.yaml.
        spec: of the model.
        weights: SHA-256 of its weights.
        studies: in the order of params.yaml.
        agreement: of the judge with people over all facts, as reports/judge.json has it.
        answers: to the questions that were asked, in their order.
        results: by name of their file, for what pages cite.
        scorecard: of the calibration.
        machines: what was measured of them.
    """
    keys = [report.key for report in studies]
    parts = [
        f"# Evaluation of {spec.title}",
        _describe_run(params, spec, weights, studies, agreement),
        calibration_section(scorecard),
        "## Verdicts",
        VERDICTS,
        verdict_table(answers),
        "## Contents",
        "\n".join(
            [f"- [{name}](#{name.lower().replace(' ', '-')})" for name in SECTIONS]
            + [f"- [{a.question.row}: {a.question.title}](#{a.name})" for a in answers]
        ),
        "## How to read this",
        HOW_TO_READ,
        *(write_page(answer, results, keys) for answer in answers),
        machine_section(machines),
        "## All studies",
        _overview(studies),
        *(_describe_study(report, spec.distribution) for report in studies),
    ]
    return "\n\n".join(parts) + "\n"


def _describe_run(
    params: Params,
    spec: ModelSpec,
    weights: str,
    studies: Sequence[StudyReport],
    agreement: Mapping[str, float | None],
) -> str:
    screen, confirm = params.phases.screen, params.phases.confirm
    defaults = [
        f"`{leaf}={_value(value)}`" for (_, leaf), value in leaves(spec.defaults.model_dump())
    ]
    count = f"{len(studies)} studies, {sum(len(report.variants) for report in studies)} variants"
    facts = {
        "model": f"`{params.model}`, weights sha256 `{weights[:16]}`",
        "judge": f"{JUDGES[spec.judge]} ({_describe_agreement(agreement)})",
        "size": f"{count}; n = {screen.num_prompts} prompts "
        f"x {_plural(screen.num_seeds, 'seed')} to screen every variant, {confirm.num_prompts} "
        f"other prompts x {_plural(confirm.num_seeds, 'seed')} to confirm one contrast a study "
        f"(prompt set `{spec.prompt_sets['main']}`)",
        "defaults": ", ".join(defaults),
    }
    return "\n".join(f"- **{name}**: {value}" for name, value in facts.items())


def _describe_agreement(agreement: Mapping[str, float | None]) -> str:
    if not agreement["num_images"]:
        return "not compared with people"
    ends = agreement["agreement_low"], agreement["agreement_high"]
    shown = show_interval(agreement["agreement"], *ends, decimals=2)
    return (
        f"agrees with people on {shown} of the facts of a picture, "
        f"n = {agreement['num_images']:.0f} pictures"
    )


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
        f"`{leaf}` = {', '.join(f'`{_value(value)}`' for value in values)}"
        for (_, leaf), values in leaves(report.study.vary)
    ]
    if not varied and not report.study.variants:
        return f"Nothing is varied: all settings at their defaults, {_prompts(report)}."
    named = [f"`{name}`" for name in report.study.variants]
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


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
