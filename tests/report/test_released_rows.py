"""docs/released.md says of every row what was run at the released size, and cites what is there."""

import re

from tests.support.repository import ROOT
from zimage_eval.benchmarks.machine.results import read_machine_results
from zimage_eval.questions.questions import load_questions

TEXT = (ROOT / "docs/released.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ((?:A|Q-)\w+) \| (.*?) \| (.*?) ?\|$", TEXT, re.MULTILINE)


def test_every_row_is_there_once() -> None:
    asked = {question.row for question in load_questions(ROOT / "questions").values()}
    assert len(ROWS) == len(asked)
    assert {row for row, _, _ in ROWS} == asked


def test_what_is_not_measured_at_full_size_has_a_reason() -> None:
    for row, _, reason in ROWS:
        assert reason or row in ("Q-P1", "Q-P2", "Q-P3"), row


def test_a_row_that_refers_to_another_refers_to_one_that_is_there() -> None:
    rows = {row for row, _, _ in ROWS}
    cited = set(re.findall(r"\b(?:as|of) (Q-\w\d|A\d+)\b", TEXT))
    assert cited
    assert cited <= rows


def test_measured_files_are_of_random_weights_on_a_gpu() -> None:
    measured = [name for _, done, _ in ROWS for name in re.findall(r"`(\w+\.json)`", done)]
    assert len(measured) == 4
    for name in (*measured, "released_layout.json"):
        results = read_machine_results(ROOT / "reports/machine/h100" / name)
        assert (results.weights, results.machine.device) == ("random", "cuda"), name
