"""The evidence on a claim, in the score table of its study or in what its benchmark wrote."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zimage_eval.claim_rules import decide, find_rivals
from zimage_eval.claims import (
    Claim,
    ExactClaim,
    NumberClaim,
    SharedTerms,
    StudyClaim,
    TestedClaim,
    ThresholdClaim,
)
from zimage_eval.contrasts import (
    Row,
    Terms,
    check_assay,
    paired_contrast,
)
from zimage_eval.evidence import (
    Evidence,
    Seen,
    not_testable,
)
from zimage_eval.metrics.catalogue import METRICS
from zimage_eval.output.observations import Observation
from zimage_eval.output.results import Numbers
from zimage_eval.studies.summaries import ALL
from zimage_eval.weighing_observations import weigh_benchmark, weigh_threshold


class StudyScores(NamedTuple):
    """The score table of a study."""

    rows: Sequence[Row]
    baseline: str


class Measured(NamedTuple):
    """All that claims are weighed on, by study or benchmark."""

    studies: Mapping[str, StudyScores]
    observations: Mapping[str, Sequence[Observation]]
    results: Mapping[str, Mapping[str, Numbers]]
    """Row -> metric -> number. In the row `checks` 1 says that a statement holds, 0 that it does
    not."""


def weigh_claim(claim: Claim, measured: Measured, terms: SharedTerms) -> Evidence:
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
        one
        for one in measured.observations.get(claim.benchmark, ())
        if one.metric == claim.metric and (not claim.categories or one.category in claim.categories)
    ]
    if not observed:
        return not_testable(f"benchmark {claim.benchmark} has no {claim.metric} here")
    if isinstance(claim, ThresholdClaim):
        return weigh_threshold(claim, observed)
    return weigh_benchmark(claim, observed, terms)


def _weigh_study(claim: StudyClaim, measured: Measured, shared: SharedTerms) -> Evidence:
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
    assay = check_assay(swapped, Terms(shared.assay.margin, shared.min_coverage))
    contrasts = [
        paired_contrast(in_phase, rival, reference, claim.metric, claim.phase, category)
        for rival in rivals
    ]
    margin = claim.margin or METRICS[claim.metric].margin
    if margin is None:
        raise ValueError(f"{claim.metric}: has no margin, so a claim on it must state one")
    categories = {row["prompt_id"]: row["category"] for row in in_phase}
    terms = Terms(margin, shared.min_coverage)
    return decide(claim.rule, contrasts, reference, terms, assay, claim.lead, categories)


def _weigh_tested(claim: TestedClaim, row: Numbers) -> Evidence:
    """A test of its own can speak for a claim; that it does not is no evidence against."""
    p_value, size = row.get(claim.p_value), round(row.get(claim.size) or 0)
    if p_value is None:
        return not_testable(f"benchmark {claim.benchmark} has no {claim.p_value} of {claim.row}")
    return Evidence("weighed", p_value, 1.0, "", size)


def _weigh_number(claim: NumberClaim, row: Numbers) -> Evidence:
    value = row.get(claim.metric)
    if value is None:
        return not_testable(
            f"{claim.benchmark} measured no {claim.metric} of {claim.row} in this run"
        )
    is_higher = value >= claim.threshold
    holds = is_higher if claim.rule == "at_least" else value <= claim.threshold
    seen = Seen(claim.row, "higher" if is_higher else "lower", value, None, None)
    return Evidence("exact", float(not holds), float(holds), "", 1, (), (seen,))


def _weigh_checks(claim: ExactClaim, checks: Mapping[str, float | None]) -> Evidence:
    unknown = [name for name in claim.checks if checks.get(name) is None]
    if unknown:
        return not_testable(f"benchmark {claim.benchmark} did not check {', '.join(unknown)}")
    failed = tuple(name for name in claim.checks if not checks[name])
    return Evidence("exact", float(bool(failed)), float(not failed), "", len(claim.checks), failed)
