"""Checks hold or don't."""

import pytest

from tests.support.fakes.fake_claims import claim_of, measure
from zimage_eval.questions.evidence import Evidence

CLAIM = claim_of(rule="exact", benchmark="token_limit", checks=["limit", "why"])


def weigh(checks: dict[str, float | None]) -> Evidence:
    return CLAIM.weigh(measure(results={"token_limit": {"checks": checks}}))


@pytest.mark.parametrize(
    ("why", "p_values", "named"), [(1.0, (0.0, 1.0), ()), (0.0, (1.0, 0.0), ("why",))]
)
def test_all_checks_must_hold_and_those_that_do_not_are_named(
    why: float, p_values: tuple[float, float], named: tuple[str, ...]
) -> None:
    evidence = weigh({"limit": 1, "why": why})
    assert (evidence.status, evidence.num_prompts) == ("exact", 2)
    assert (evidence.p_if_false, evidence.p_if_true) == p_values
    assert evidence.named == named


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
