"""The evidence on a claim: from its study's score table, or from what its benchmark measured."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from zimage_eval.config.metrics import METRICS
from zimage_eval.output.observations import Measurement
from zimage_eval.output.results import NumberRow
from zimage_eval.output.tables import TableRow
from zimage_eval.questions.claims import (
    BenchmarkClaim,
    Claim,
    ExactClaim,
    NumberClaim,
    SharedTerms,
    StudyClaim,
    TestedClaim,
    ThresholdClaim,
)
from zimage_eval.questions.contrasts import (
    Assay,
    Kind,
    Margin,
    check_assay,
    contrast_arms,
    paired_contrast,
)
from zimage_eval.questions.evidence import Evidence, RivalResult, inconclusive, not_testable
from zimage_eval.questions.rules import decide, find_rivals
from zimage_eval.statistics.estimates import CONFIDENCE, MIN_PROMPTS, Unit, prompt_means
from zimage_eval.statistics.studentized import mean_test
from zimage_eval.studies.summaries import ALL

SENSITIVE = Assay(True, "")
"""What is measured without a judge needs no swapped prompts."""


class StudyScores(NamedTuple):
    """The score table of a study."""

    rows: Sequence[TableRow]
    baseline: str


class Measurements(NamedTuple):
    """All that claims are weighed on, by study or benchmark."""

    studies: Mapping[str, StudyScores]
    observations: Mapping[str, Sequence[Measurement]]
    results: Mapping[str, Mapping[str, NumberRow]]
    """Row -> metric -> number. In the row `checks` 1 says that a statement holds, 0 that it does
    not."""


def weigh_claim(claim: Claim, measured: Measurements, terms: SharedTerms) -> Evidence:
    """The evidence on a claim; not testable, with the reason, where its source lacks something.

    Raises:
        ValueError: the metric does not fit the rule.
    """
    if isinstance(claim, StudyClaim):
        return _weigh_study(claim, measured, terms)
    if isinstance(claim, ExactClaim):
        return _weigh_checks(claim, measured.results.get(claim.benchmark, {}).get("checks", {}))
    if isinstance(claim, NumberClaim):
        return _weigh_number(claim, measured.results.get(claim.benchmark, {}).get(claim.row, {}))
    if isinstance(claim, TestedClaim):
        return _weigh_tested(claim, measured.results.get(claim.benchmark, {}).get(claim.row, {}))
    observed = [
        measurement
        for measurement in measured.observations.get(claim.benchmark, ())
        if measurement.metric == claim.metric
        and (not claim.categories or measurement.category in claim.categories)
    ]
    if not observed:
        return not_testable(f"benchmark {claim.benchmark} has no {claim.metric} here")
    if isinstance(claim, ThresholdClaim):
        return weigh_threshold(claim, observed)
    return weigh_benchmark(claim, observed, terms)


def weigh_benchmark(
    claim: BenchmarkClaim, observed: Sequence[Measurement], shared: SharedTerms
) -> Evidence:
    """The evidence on arms of a benchmark, paired by unit and replicate.

    Args:
        claim: the rule, its margin and the arms.
        observed: of the claim's metric and categories.
        shared: what holds for every claim.
    """
    arms: dict[str, dict[Unit, float | None]] = {}
    for measurement in observed:
        arm = arms.setdefault(measurement.variant, {})
        arm[_unit_of(measurement), measurement.replicate] = measurement.value
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
    categories = {_unit_of(measurement): measurement.category for measurement in observed}
    terms = Margin(claim.margin, shared.min_coverage)
    return decide(claim.rule, contrasts, claim.baseline, terms, SENSITIVE, claim.lead, categories)


def weigh_threshold(claim: ThresholdClaim, observed: Sequence[Measurement]) -> Evidence:
    """The evidence on a mean over units that lies above or below a number."""
    values = {
        (_unit_of(measurement), measurement.replicate): measurement.value
        for measurement in observed
        if measurement.variant == claim.variant
    }
    by_unit = prompt_means(values)
    means = [by_unit[unit] for unit in sorted(by_unit)]
    test = mean_test(means, claim.bounds)
    if test is None:
        enough = len(means) >= MIN_PROMPTS
        why = f"{len(means)} units"
        why += " agree too exactly for an interval" if enough else f", {MIN_PROMPTS} needed"
        return inconclusive(why, len(means))
    low, high = test.interval(CONFIDENCE)
    kind: Kind = "unresolved"
    if not low <= claim.threshold <= high:
        kind = "higher" if low > claim.threshold else "lower"
    mean = float(np.mean(means))
    result = RivalResult(claim.variant, kind=kind, gain=mean, low=low, high=high)
    above, below = 2 * test.p_above(claim.threshold), 2 * test.p_below(claim.threshold)
    p_for, p_against = (above, below) if claim.rule == "above" else (below, above)
    return Evidence(
        status="weighed",
        p_if_false=min(1.0, p_for),
        p_if_true=min(1.0, p_against),
        reason="",
        num_prompts=len(means),
        rivals=(result,),
    )


def _weigh_study(claim: StudyClaim, measured: Measurements, shared: SharedTerms) -> Evidence:
    if claim.study not in measured.studies:
        return not_testable(f"study {claim.study} is not part of this run")
    rows, baseline = measured.studies[claim.study]
    in_phase = [row for row in rows if row["phase"] == claim.phase]
    made = {row["variant"]: None for row in in_phase}
    reference = claim.baseline or baseline
    rivals = find_rivals(claim.rivals, made, (reference, shared.assay.variant))
    if isinstance(rivals, Evidence):
        return rivals
    if reference not in made:
        return not_testable(f"there is no variant named {reference!r}")
    category = claim.category or ALL
    if not any(category in (ALL, row["category"]) for row in in_phase):
        return not_testable(f"no prompt is of category {category!r}")
    swapped = paired_contrast(
        in_phase, shared.assay.variant, baseline, shared.assay.metric, claim.phase
    )
    assay = check_assay(swapped, Margin(shared.assay.margin, shared.min_coverage))
    contrasts = [
        paired_contrast(in_phase, rival, reference, claim.metric, claim.phase, category)
        for rival in rivals
    ]
    margin = claim.margin or METRICS[claim.metric].margin
    if margin is None:
        raise ValueError(f"{claim.metric}: has no margin, so a claim on it must state one")
    categories = {row["prompt_id"]: row["category"] for row in in_phase}
    terms = Margin(margin, shared.min_coverage)
    return decide(claim.rule, contrasts, reference, terms, assay, claim.lead, categories)


def _weigh_tested(claim: TestedClaim, row: NumberRow) -> Evidence:
    """A test of its own can speak for a claim; that it does not is no evidence against."""
    p_value, size = row.get(claim.p_value), round(row.get(claim.size) or 0)
    if p_value is None:
        return not_testable(f"benchmark {claim.benchmark} has no {claim.p_value} of {claim.row}")
    return Evidence("weighed", p_if_false=p_value, p_if_true=1.0, reason="", num_prompts=size)


def _weigh_number(claim: NumberClaim, row: NumberRow) -> Evidence:
    value = row.get(claim.metric)
    if value is None:
        return not_testable(
            f"{claim.benchmark} measured no {claim.metric} of {claim.row} in this run"
        )
    is_higher = value >= claim.threshold
    holds = is_higher if claim.rule == "at_least" else value <= claim.threshold
    kind: Kind = "higher" if is_higher else "lower"
    result = RivalResult(claim.row, kind=kind, gain=value, low=None, high=None)
    return _exact(holds, num_values=1)._replace(rivals=(result,))


def _weigh_checks(claim: ExactClaim, checks: Mapping[str, float | None]) -> Evidence:
    unknown = [name for name in claim.checks if checks.get(name) is None]
    if unknown:
        return not_testable(f"benchmark {claim.benchmark} did not check {', '.join(unknown)}")
    failed = tuple(name for name in claim.checks if not checks[name])
    return _exact(not failed, num_values=len(claim.checks))._replace(named=failed)


def _exact(holds: bool, num_values: int) -> Evidence:
    """Evidence read off numbers that have no error: sure of either side."""
    return Evidence(
        status="exact",
        p_if_false=float(not holds),
        p_if_true=float(holds),
        reason="",
        num_prompts=num_values,
    )


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


def _unit_of(measurement: Measurement) -> str:
    """A name that no unit of another category has."""
    return f"{measurement.category}/{measurement.unit}"
