"""`python -m zimage_eval rows`: every row of the catalogue and its verdicts, as a table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from zimage_eval.cli.door import Door

if TYPE_CHECKING:
    from zimage_eval.output.text_tables import TextTable
    from zimage_eval.questions.verdicts import Verdict
    from zimage_eval.report.verdicts import Answer

_LEGEND = """\
answer: to what the hypothesis claims, by the largest evidence; n: prompts or other units;
fewer: with the study's own prompts alone; design: is another training better, from training runs"""


def run_rows(context: typer.Context) -> None:
    """Print every question with its verdicts."""
    from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, weights_digest
    from zimage_eval.output.results import read_results
    from zimage_eval.output.text_tables import print_table
    from zimage_eval.questions.evidence import read_evidence, read_full_evidence
    from zimage_eval.questions.questions import load_questions
    from zimage_eval.report.verdicts import answer_questions, provenance_of

    door: Door = context.obj
    project = door.open()
    weights = weights_digest(project.model_folder, (*TEXT_PARTS, *IMAGE_PARTS))
    reports = project.folder / "reports"
    path = reports / "judge.json"
    judge = read_results(path).get("judge", {}).get("all")
    if judge is None:
        raise ValueError(f"{path}: judge.all: missing")
    num_labels = round(judge.get("num_images") or 0)
    provenance = provenance_of(project.model, project.spec, weights, num_labels)
    questions = load_questions(project.folder / "questions")
    evidence = read_evidence(reports / "evidence.json")
    full = read_full_evidence(reports / "full", project.model)
    answers = answer_questions(questions, evidence, provenance, full)
    print_table(answers_table(answers), is_plain=door.is_plain)


def answers_table(answers: Sequence["Answer"]) -> "TextTable":
    """A row per question with its verdicts, the word, sizes and hypothesis; then a legend."""
    from zimage_eval.output.text_tables import Column, TextTable

    return TextTable(
        columns=[
            Column("row", least_width=5),
            Column("weights", least_width=13),
            Column("answer", longest=48),
            Column("n", is_right_aligned=True, least_width=5),
            Column("fewer", least_width=13),
            Column("n", is_right_aligned=True, least_width=5),
            Column("design", least_width=13),
            Column("hypothesis", longest=64),
        ],
        rows=[_cells(answer) for answer in sorted(answers, key=_order)],
        below=["", *_LEGEND.splitlines()],
        gap=1,
    )


def _cells(answer: "Answer") -> list[str]:
    from zimage_eval.report.words import say

    weights, design = answer.verdicts
    smaller = answer.smaller
    return [
        answer.question.row,
        _plain(weights),
        say(weights, answer.question.claim.rival_table()).replace("`", ""),
        str(weights.evidence.num_prompts),
        _plain(smaller) if smaller else "",
        str(smaller.evidence.num_prompts) if smaller else "",
        _plain(design),
        answer.question.hypothesis,
    ]


def _plain(verdict: "Verdict") -> str:
    return verdict.word.replace("_", " ")


def _order(answer: "Answer") -> tuple[bool, str, int]:
    """Assumptions first, then questions; numbers by their size."""
    row = answer.question.row
    kind = row.rstrip("0123456789")
    return kind != "A", kind, int(row[len(kind) :])
