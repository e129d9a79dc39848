"""The evidence on a claim in what a benchmark observed, unit by unit."""

from collections.abc import Mapping, Sequence

import numpy as np

from zimage_eval.claim_rules import decide, find_rivals
from zimage_eval.claims import BenchmarkClaim, SharedTerms, ThresholdClaim
from zimage_eval.contrasts import Assay, Kind, Terms, contrast_arms
from zimage_eval.evidence import Evidence, Seen, not_testable
from zimage_eval.output.observations import Observation
from zimage_eval.statistics.estimates import CONFIDENCE, MIN_PROMPTS, Unit, prompt_means
from zimage_eval.statistics.studentized import pivot_of

SENSITIVE = Assay(True, "")
"""What is measured without a judge needs no swapped prompts."""


def weigh_benchmark(
    claim: BenchmarkClaim, observed: Sequence[Observation], shared: SharedTerms
) -> Evidence:
    """The evidence on arms of a benchmark, paired by unit and replicate.

    Args:
        claim: the rule, its margin and the arms.
        observed: of the claim's metric and categories.
        shared: what holds for every claim.
    """
    arms: dict[str, dict[Unit, float | None]] = {}
    for one in observed:
        arms.setdefault(one.variant, {})[_unit_of(one), one.replicate] = one.value
    rivals = find_rivals(claim.rivals, dict.fromkeys(arms), (claim.baseline,))
    if isinstance(rivals, Evidence):
        return rivals
    if claim.baseline not in arms:
        return not_testable(f"benchmark {claim.benchmark} has no arm {claim.baseline!r}")
    reference = arms[claim.baseline]
    contrasts = [
        contrast_arms(
            rival,
            claim.metric,
            _paired(arms[rival], reference),
            reference,
            claim.bounds,
            claim.better,
        )
        for rival in rivals
    ]
    categories = {_unit_of(one): one.category for one in observed}
    terms = Terms(claim.margin, shared.min_coverage)
    return decide(claim.rule, contrasts, claim.baseline, terms, SENSITIVE, claim.lead, categories)


def weigh_threshold(claim: ThresholdClaim, observed: Sequence[Observation]) -> Evidence:
    """The evidence on a mean over units that lies above or below a number."""
    values = {
        (_unit_of(one), one.replicate): one.value
        for one in observed
        if one.variant == claim.variant
    }
    by_unit = prompt_means(values)
    means = [by_unit[unit] for unit in sorted(by_unit)]
    pivot = pivot_of(means, claim.bounds)
    if pivot is None:
        enough = len(means) >= MIN_PROMPTS
        why = f"{len(means)} units"
        why += " agree too exactly for an interval" if enough else f", {MIN_PROMPTS} needed"
        return Evidence("inconclusive", 1.0, 1.0, why, len(means))
    low, high = pivot.interval(CONFIDENCE)
    kind: Kind = "unresolved"
    if not low <= claim.threshold <= high:
        kind = "higher" if low > claim.threshold else "lower"
    seen = Seen(claim.variant, kind, float(np.mean(means)), low, high)
    above, below = 2 * pivot.p_above(claim.threshold), 2 * pivot.p_below(claim.threshold)
    p_for, p_against = (above, below) if claim.rule == "above" else (below, above)
    return Evidence("weighed", min(1.0, p_for), min(1.0, p_against), "", len(means), (), (seen,))


def _paired(
    arm: Mapping[Unit, float | None], reference: Mapping[Unit, float | None]
) -> Mapping[Unit, float | None]:
    """The arm itself; its mean by unit where the reference was made once a unit and it was not.

    A reference without chance, such as the mode of a latent, has nothing to repeat. A unit with a
    missing value has none, so that coverage still tells.
    """
    once = {replicate for _, replicate in reference} == {0}
    if not once or {replicate for _, replicate in arm} == {0}:
        return arm
    means = prompt_means(arm)
    missing = {unit for (unit, _), value in arm.items() if value is None}
    return {(unit, 0): None if unit in missing else means[unit] for unit, _ in arm}


def _unit_of(one: Observation) -> str:
    """A name that no unit of another category has."""
    return f"{one.category}/{one.unit}"
