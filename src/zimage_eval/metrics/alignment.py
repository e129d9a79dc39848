"""Alignment: the share of a prompt's facts that hold in its picture, according to a judge."""

from collections.abc import Sequence

from zimage_eval.config.kinds import FactKind
from zimage_eval.prompts.facts import FactResult


def alignment(results: Sequence[FactResult]) -> float | None:
    """Share of a prompt's facts that hold, in [0, 1]; None for a prompt that states none."""
    if not results:
        return None
    return sum(result.held for result in results) / len(results)


def all_facts(results: Sequence[FactResult]) -> float | None:
    """1.0 when every fact holds, else 0.0; None for a prompt that states none (GenEval's score)."""
    if not results:
        return None
    return float(all(result.held for result in results))


def alignment_of_kind(results: Sequence[FactResult], kind: FactKind) -> float | None:
    """Share of a prompt's facts of one kind that hold; None when it states none of that kind."""
    return alignment([result for result in results if result.kind == kind])
