"""Statements that are corrected: each has a page, and rests on a check or on a source."""

from pathlib import Path

import pytest

from zimage_eval.questions.corrections import Correction, load_corrections
from zimage_eval.questions.measurements import CHECKS
from zimage_eval.questions.questions import load_questions
from zimage_eval.questions.sources import read_measured

QUESTIONS = Path("questions")
ROWS = {question.row for question in load_questions(QUESTIONS).values()}
CORRECTIONS = load_corrections(QUESTIONS, ROWS)


def test_there_are_fifteen_and_no_statement_stands_twice() -> None:
    assert len({correction.statement for correction in CORRECTIONS}) == len(CORRECTIONS) == 15


@pytest.mark.parametrize(
    "correction", CORRECTIONS, ids=lambda correction: correction.statement[:40]
)
def test_its_check_is_made_and_holds(correction: Correction) -> None:
    if correction.check is None:
        assert any(place in str(correction.source) for place in ("diffusers", ".json"))
        return
    benchmark, check = correction.check.split(":")
    results = read_measured([benchmark], Path("metrics"), Path("reports/machine"))
    assert results[benchmark][benchmark][CHECKS][check] == 1


@pytest.mark.parametrize(
    ("old", "changed", "problem"),
    [
        ("row: A7", "row: A77", "A77"),
        ("status: wrong", "status: false", "status"),
        ("  check: token_limit:fits_exactly_if_image_position_is_in_table\n", "", "needs a check"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path: Path, old: str, changed: str, problem: str) -> None:
    text = (QUESTIONS / "corrections.yaml").read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "corrections.yaml").write_text(text.replace(old, changed, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=rf"corrections\.yaml.*{problem}"):
        load_corrections(tmp_path, ROWS)
