"""The evidence on a claim, in the score table of its study or in what its benchmark wrote."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from zimage_eval.benchmark_observations import Observation
from zimage_eval.claims import (
    BenchmarkClaim,
    Claim,
    ContrastRule,
    ExactClaim,
    NumberClaim,
    SharedTerms,
    StudyClaim,
    TestedClaim,
    ThresholdClaim,
)
from zimage_eval.contrasts import (
    Assay,
    Contrast,
    Row,
    Terms,
    check_assay,
    contrast_arms,
    paired_contrast,
)
from zimage_eval.evidence import (
    Evidence,
    Seen,
    baseline_best,
    best_of_grid,
    interaction,
    no_difference,
    not_testable,
    shifted,
    some_better,
)
from zimage_eval.heterogeneity import depends_on_category
from zimage_eval.metrics import METRICS
from zimage_eval.pivots import pivot_of
from zimage_eval.results import Numbers
from zimage_eval.statistics import CONFIDENCE, MIN_PROMPTS, Unit, prompt_means
from zimage_eval.summaries import ALL

SENSITIVE = Assay(True, "")
"""What is measured without a judge needs no swapped prompts."""


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
        return _weigh_threshold(claim, observed)
    return _weigh_benchmark(claim, observed, terms)


def _weigh_study(claim: StudyClaim, measured: Measured, shared: SharedTerms) -> Evidence:
    if claim.study not in measured.studies:
        return not_testable(f"study {claim.study} is not part of this run")
    rows, baseline = measured.studies[claim.study]
    in_phase = [row for row in rows if row["phase"] == claim.phase]
    made = {row["variant"]: None for row in in_phase}
    rivals = _rivals(claim.rivals, made, (baseline, shared.assay.variant))
    if isinstance(rivals, Evidence):
        return rivals
    category = claim.category or ALL
    if not any(category in (ALL, row["category"]) for row in in_phase):
        return not_testable(f"no prompt is of category {category!r}")
    swapped = paired_contrast(
        in_phase, shared.assay.variant, baseline, shared.assay.metric, claim.phase
    )
    assay = check_assay(swapped, Terms(shared.assay.margin, shared.min_coverage))
    contrasts = [
        paired_contrast(in_phase, rival, baseline, claim.metric, claim.phase, category)
        for rival in rivals
    ]
    margin = claim.margin or METRICS[claim.metric].margin
    if margin is None:
        raise ValueError(f"{claim.metric}: has no margin, so a claim on it must state one")
    categories = {row["prompt_id"]: row["category"] for row in in_phase}
    terms = Terms(margin, shared.min_coverage)
    return decide(claim.rule, contrasts, baseline, terms, assay, claim.lead, categories)


def _weigh_benchmark(
    claim: BenchmarkClaim, observed: Sequence[Observation], shared: SharedTerms
) -> Evidence:
    arms: dict[str, dict[Unit, float | None]] = {}
    for one in observed:
        arms.setdefault(one.variant, {})[_unit_of(one), one.replicate] = one.value
    rivals = _rivals(claim.rivals, dict.fromkeys(arms), (claim.baseline,))
    if isinstance(rivals, Evidence):
        return rivals
    if claim.baseline not in arms:
        return not_testable(f"benchmark {claim.benchmark} has no arm {claim.baseline!r}")
    reference = arms[claim.baseline]
    contrasts = [
        contrast_arms(rival, claim.metric, arms[rival], reference, None, claim.better)
        for rival in rivals
    ]
    categories = {_unit_of(one): one.category for one in observed}
    terms = Terms(claim.margin, shared.min_coverage)
    return decide(claim.rule, contrasts, claim.baseline, terms, SENSITIVE, claim.lead, categories)


def _unit_of(one: Observation) -> str:
    """A name that no unit of another category has."""
    return f"{one.category}/{one.unit}"


def decide(
    rule: ContrastRule,
    contrasts: Sequence[Contrast],
    baseline: str,
    terms: Terms,
    assay: Assay,
    lead: float,
    categories: Mapping[str, str],
) -> Evidence:
    """What contrasts with one baseline say by a rule.

    Args:
        rule: of the claim.
        contrasts: one a rival, in the claim's order.
        baseline: name of what they are compared with.
        terms: margin and coverage.
        assay: whether the judge is sensitive.
        lead: how far ahead the better must be.
        categories: of each prompt; read where an effect may depend on them.
    """
    if rule == "baseline_best":
        return baseline_best(contrasts, terms, assay, lead)
    if rule == "some_better":
        return some_better(contrasts, terms, assay, lead)
    if rule == "no_difference":
        return no_difference(contrasts, terms, assay)
    if rule == "best_of_grid":
        return best_of_grid(contrasts, baseline, terms, assay)
    if rule == "interaction":
        return interaction(_beyond_the_sum(contrasts), terms, assay)
    if rule == "depends_on_category":
        return depends_on_category(contrasts, categories, terms, assay)
    return shifted(contrasts, terms, assay, rule)


def _beyond_the_sum(contrasts: Sequence[Contrast]) -> Contrast:
    if len(contrasts) != 3:
        raise ValueError(f"an interaction names two changes and both, not {len(contrasts)}")
    one, other, both = contrasts
    shared = one.differences.keys() & other.differences.keys() & both.differences.keys()
    differences = {
        prompt: both.differences[prompt] - one.differences[prompt] - other.differences[prompt]
        for prompt in sorted(shared)
    }
    coverage = min(contrast.coverage for contrast in contrasts)
    name = f"{both.variant} beyond the sum"
    return Contrast(name, both.metric, differences, coverage, None, None)


def _rivals(
    named: str | Sequence[str], made: Mapping[str, None], others: Sequence[str]
) -> Sequence[str] | Evidence:
    """The rivals of a claim, or why it can't be tested.

    A rival that is not there, or that is the baseline itself (another model has other defaults),
    makes the claim one that this run can't test.
    """
    known = [variant for variant in made if variant not in others]
    rivals = known if named == "all" else list(named)
    lacking = [rival for rival in rivals if rival not in known]
    if lacking:
        return not_testable(f"there is no rival named {', '.join(map(repr, lacking))}")
    return rivals or not_testable("there is no rival")


def _weigh_threshold(claim: ThresholdClaim, observed: Sequence[Observation]) -> Evidence:
    values = {
        (_unit_of(one), one.replicate): one.value
        for one in observed
        if one.variant == claim.variant
    }
    by_unit = prompt_means(values)
    means = [by_unit[unit] for unit in sorted(by_unit)]
    pivot = pivot_of(means, None)
    if pivot is None:
        why = f"{len(means)} units, {MIN_PROMPTS} needed, or they agree too exactly"
        return Evidence("inconclusive", 1.0, 1.0, why, len(means))
    low, high = pivot.interval(CONFIDENCE)
    seen = Seen(claim.variant, "higher" if low > claim.threshold else "unresolved",
                float(np.mean(means)), low, high)  # fmt: skip
    above, below = 2 * pivot.p_above(claim.threshold), 2 * pivot.p_below(claim.threshold)
    p_for, p_against = (above, below) if claim.rule == "above" else (below, above)
    return Evidence("weighed", min(1.0, p_for), min(1.0, p_against), "", len(means), (), (seen,))


def _weigh_tested(claim: TestedClaim, row: Numbers) -> Evidence:
    """A test of its own can speak for a claim; that it does not is no evidence against."""
    p_value, size = row.get(claim.p_value), round(row.get(claim.size) or 0)
    if p_value is None:
        return not_testable(f"benchmark {claim.benchmark} has no {claim.p_value} of {claim.row}")
    return Evidence("weighed", p_value, 1.0, "", size)


def _weigh_number(claim: NumberClaim, row: Numbers) -> Evidence:
    value = row.get(claim.metric)
    if value is None:
        return not_testable(f"benchmark {claim.benchmark} has no {claim.metric} of {claim.row}")
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
