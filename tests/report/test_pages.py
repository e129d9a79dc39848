"""Every row of the catalogue has a page, and nothing on a page is missing."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from zimage_eval.output.results import Results
from zimage_eval.questions.evidence import Place, read_evidence
from zimage_eval.questions.questions import Question, load_questions, places
from zimage_eval.questions.sources import read_measured
from zimage_eval.report.citations import cited_sources, missing_references

QUESTIONS = load_questions(Path("questions"))
NUM_ROWS = {"A": 11, "Q-A": 4, "Q-T": 4, "Q-P": 4, "Q-E": 4, "Q-S": 4, "Q-C": 2}
each_page = pytest.mark.parametrize("name", QUESTIONS)


def results_of(question: Question) -> Mapping[str, Results]:
    names = set().union(*(cited_sources(text) for text in question.sentences))
    return read_measured(names, Path("metrics"), Path("reports/machine"))


def test_every_row_has_a_page() -> None:
    rows = {f"{kind}{number}" for kind, num in NUM_ROWS.items() for number in range(1, num + 1)}
    assert len(rows) == 33
    assert {question.row for question in QUESTIONS.values()} == rows


@each_page
def test_every_number_on_a_page_was_measured(name: str) -> None:
    results = results_of(QUESTIONS[name])
    missing = [m for text in QUESTIONS[name].sentences for m in missing_references(text, results)]
    assert missing == []


@each_page
def test_every_figure_on_a_page_is_there(name: str) -> None:
    for figure in QUESTIONS[name].figures:
        assert Path(f"reports/figures/{figure}").is_file(), figure


def test_every_claim_was_weighed() -> None:
    evidence = read_evidence(Path("reports/evidence.json"))
    asked: dict[Place, object] = {}
    for name, question in QUESTIONS.items():
        asked |= dict(places(name, question))
    assert evidence.keys() == asked.keys()
    assert all(one.num_prompts or one.reason for one in evidence.values())


def test_the_report_has_every_page() -> None:
    text = Path("reports/report.md").read_text(encoding="utf-8")
    for name, question in QUESTIONS.items():
        assert f'<a id="{name}"></a>' in text and f"## {question.row}: " in text
    assert text.count("**Seconds:**") == len(QUESTIONS)
