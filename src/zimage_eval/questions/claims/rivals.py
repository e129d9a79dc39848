"""What claims that compare rivals with a baseline have in common."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from zimage_eval.config.frozen import unknown
from zimage_eval.questions.rules.catalogue import RULES
from zimage_eval.questions.terms import Name


def _known_rule(name: str) -> str:
    if name not in RULES:
        raise ValueError(f"unknown rule {unknown(name, RULES)}")
    return name


RuleName = Annotated[str, AfterValidator(_known_rule)]
"""One of `RULES`."""
Rivals = Literal["all"] | Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
"""Names of the variants that the baseline is compared with; an interaction names the two changes
and both together."""
Inside = Annotated[tuple[Name, ...], Field(strict=False)]
"""Levels of the range that the rule `in_range` asks about, the baseline among them or not."""


def list_rivals(rivals: Rivals, candidates: Sequence[str]) -> Sequence[str]:
    """The rivals by name, in the claim's order."""
    return candidates if rivals == "all" else rivals


def missing_rivals(rivals: Sequence[str], candidates: Sequence[str]) -> str:
    """Why a claim can't be tested with these rivals, in words; empty if it can.

    A rival that is not there, or that is the baseline itself (another model has other defaults),
    makes the claim one that this run can't test.

    Args:
        rivals: of the claim.
        candidates: what was made beside the baseline.
    """
    lacking = [rival for rival in rivals if rival not in candidates]
    if lacking:
        return f"there is no rival named {', '.join(map(repr, lacking))}"
    return "" if rivals else "there is no rival"


def check_inside(rule: str, inside: Sequence[str]) -> None:
    """ValueError where a claim names a range that its rule does not ask about, or names none."""
    if (rule == "in_range") != bool(inside):
        raise ValueError(f"inside: {list(inside)} with rule {rule!r}; in_range needs it, no other")
