import pytest

from zimage_eval.metrics.alignment import alignment, alignment_of_kind, all_facts
from zimage_eval.prompts.facts import FactResult

HALF = [
    FactResult("shape", True),
    FactResult("color", True),
    FactResult("color", False),
    FactResult("relation", False),
]


def test_alignment_is_the_share_of_facts_that_hold() -> None:
    assert alignment(HALF) == 0.5
    assert alignment(HALF[:2]) == 1.0


def test_all_facts_is_all_or_nothing() -> None:
    assert all_facts(HALF) == 0.0
    assert all_facts(HALF[:2]) == 1.0


@pytest.mark.parametrize(
    ("kind", "expected"), [("shape", 1.0), ("color", 0.5), ("relation", 0.0), ("count", None)]
)
def test_kinds_are_scored_apart_and_an_absent_kind_is_none(
    kind: str, expected: float | None
) -> None:
    assert alignment_of_kind(HALF, kind=kind) == expected  # type: ignore[arg-type]


def test_a_prompt_without_facts_has_no_score() -> None:
    assert alignment([]) is None
    assert all_facts([]) is None
