"""Checks hold or don't."""

import pytest

from tests.support.fakes.fake_claims import claim_of, measure
from tests.support.fakes.fake_reports import word_of
from zimage_eval.questions.evidence import Evidence

CLAIM = claim_of(rule="exact", benchmark="token_limit", checks=["limit", "why"])


def weigh(checks: dict[str, float | None]) -> Evidence:
    return CLAIM.weigh(measure(results={"token_limit": {"checks": checks}}))


@pytest.mark.parametrize(
    ("why", "word", "denied", "named"),
    [(1.0, "yes: holds", "no: holds", ()), (0.0, "no: fails", "yes: fails", ("why",))],
)
def test_all_checks_must_hold_and_those_that_do_not_are_named(
    why: float, word: str, denied: str, named: tuple[str, ...]
) -> None:
    evidence = weigh({"limit": 1, "why": why})
    assert (evidence.status, evidence.num_prompts) == ("exact", 2)
    assert word_of(evidence, 0.0) == word
    assert evidence.rungs[0].names(0.0) == named
    opposite = claim_of(rule="exact_no", benchmark="token_limit", checks=["limit", "why"])
    results = {"token_limit": {"checks": {"limit": 1.0, "why": why}}}
    assert word_of(opposite.weigh(measure(results=results)), 0.0) == denied


@pytest.mark.parametrize("checks", [{"limit": 1.0}, {"limit": 1.0, "why": None}])
def test_what_was_not_checked_is_named(checks: dict[str, float | None]) -> None:
    evidence = weigh(checks)
    assert evidence.status == "not_testable"
    assert evidence.reason == "benchmark token_limit did not check why"


def test_checks_are_named_where_no_table_shows_them() -> None:
    assert CLAIM.describe() == "checks of `token_limit` by equality (limit, why)"
    assert "under Results" in CLAIM.describe_primary()
    assert CLAIM.needed_checks == ("limit", "why")
    assert CLAIM.rival_table() is None
