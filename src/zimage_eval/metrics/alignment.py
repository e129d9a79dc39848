"""Alignment: the share of a prompt's facts that hold in its picture, according to a judge."""

import math
from collections.abc import Sequence

from zimage_eval.config.kinds import FactKind
from zimage_eval.prompts.facts import FactResult


def alignment(results: Sequence[FactResult]) -> float | None:
    """Share of a prompt's facts that hold, in [0, 1]; None for a prompt that states none.

    From a judge that gives probabilities it is their mean (Soft-TIFA).
    """
    if not results:
        return None
    return sum(result.score for result in results) / len(results)


def all_facts(results: Sequence[FactResult]) -> float | None:
    """1.0 when every fact holds, else 0.0; None for a prompt that states none (GenEval's score)."""
    if not results:
        return None
    return float(all(result.held for result in results))


def alignment_geometric(results: Sequence[FactResult]) -> float | None:
    """Geometric mean of the facts' probabilities: near 0 as soon as one fact is missing.

    None for a prompt that states no facts, and from a judge that gives no probabilities.
    """
    probabilities = [result.probability for result in results if result.probability is not None]
    if not probabilities or len(probabilities) < len(results):
        return None
    return math.prod(probabilities) ** (1 / len(probabilities))


def alignment_of_kind(results: Sequence[FactResult], kind: FactKind) -> float | None:
    """Share of a prompt's facts of one kind that hold; None when it states none of that kind."""
    return alignment([result for result in results if result.kind == kind])
