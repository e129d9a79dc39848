"""The report as Markdown: every sentence in it is computed from parameters and summaries."""

from collections.abc import Mapping, Sequence
from typing import Any

from zimage_eval.benchmarks.machine.results import MachineResults
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import Params
from zimage_eval.config.settings import leaves
from zimage_eval.output.results import Results
from zimage_eval.report_calibration import calibration_section
from zimage_eval.report_machine import machine_section
from zimage_eval.report_pages import write_page
from zimage_eval.report_seconds import page_seconds
from zimage_eval.report_studies import StudyReport, page_values, show_value, studies_section
from zimage_eval.report_texts import HOW_TO_READ, JUDGES, VERDICTS
from zimage_eval.report_verdicts import Answer, verdict_table
from zimage_eval.studies.shown_numbers import show_interval

SECTIONS = ("How to read this", "Machines", "All studies")


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
        *(
            write_page(
                a,
                results,
                keys,
                page_values(a.question.claims, studies),
                page_seconds(a.question.sources, studies, machines, results),
            )
            for a in answers
        ),
        machine_section(machines),
        studies_section(studies, spec.distribution),
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
        f"`{leaf}={show_value(value)}`" for (_, leaf), value in leaves(spec.defaults.model_dump())
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


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
