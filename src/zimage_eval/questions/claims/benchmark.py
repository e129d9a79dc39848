"""A claim about what a benchmark observed: the rules of studies, on the benchmark's own units."""

import math
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import model_validator

from zimage_eval.questions.claims.claim import (
    Bounds,
    Categories,
    ClaimOnBenchmark,
    RivalTable,
    of_categories,
)
from zimage_eval.questions.claims.rivals import (
    Inside,
    Rivals,
    RuleName,
    check_inside,
    list_rivals,
    missing_rivals,
)
from zimage_eval.questions.contrasts import SENSITIVE, Margin, contrast_arms
from zimage_eval.questions.evidence import Evidence, not_testable
from zimage_eval.questions.measurements import Measurements, unit_name
from zimage_eval.questions.rules.catalogue import RULES
from zimage_eval.questions.rules.comparison import Comparison
from zimage_eval.questions.terms import MarginValue, Name
from zimage_eval.statistics.estimates import Unit, prompt_means

Arm = Mapping[Unit, float | None]
"""Values by unit and replicate; None where one is missing."""
_FEWEST_DECIMALS = 3


class BenchmarkClaim(ClaimOnBenchmark):
    """A claim about arms of a benchmark, paired by unit and replicate."""

    rule: RuleName
    metric: Name
    better: Literal["higher", "lower"] | None
    baseline: Name
    rivals: Rivals
    margin: MarginValue
    categories: Categories = ()
    inside: Inside = ()
    bounds: Bounds = None
    shared_units: bool = False
    """Whether units of one arm alone are left out, rather than counted as missing in the other:
    trainings of eight seeds beside trainings of three."""

    @model_validator(mode="after")
    def _fits_its_rule(self) -> Self:
        check_inside(self.rule, self.inside)
        return self

    def weigh(self, measured: Measurements) -> Evidence:
        observed = measured.observed(self.benchmark, self.metric, self.categories)
        if not observed:
            return not_testable(f"benchmark {self.benchmark} has no {self.metric} here")
        arms: dict[str, dict[Unit, float | None]] = {}
        for measurement in observed:
            arm = arms.setdefault(measurement.variant, {})
            arm[unit_name(measurement), measurement.replicate] = measurement.value
        candidates = [name for name in arms if name != self.baseline]
        rivals = list_rivals(self.rivals, candidates)
        if missing := missing_rivals(rivals, candidates):
            return not_testable(missing)
        if self.baseline not in arms:
            return not_testable(f"benchmark {self.benchmark} has no arm {self.baseline!r}")
        reference = arms[self.baseline]
        comparison = Comparison(
            contrasts=[
                contrast_arms(
                    variant=rival,
                    metric=self.metric,
                    arm=arm,
                    reference=self._reference(reference, arm),
                    bounds=self.bounds,
                    better=self.better,
                )
                for rival, arm in ((name, _paired(arms[name], reference)) for name in rivals)
            ],
            baseline=self.baseline,
            terms=Margin(margin=self.margin, min_coverage=measured.terms.min_coverage),
            assay=SENSITIVE,
            categories={unit_name(measurement): measurement.category for measurement in observed},
            inside=self.inside,
        )
        return RULES[self.rule].weigh(comparison)

    def _reference(self, reference: Arm, arm: Arm) -> Arm:
        if not self.shared_units:
            return reference
        return {unit: value for unit, value in reference.items() if unit in arm}

    def describe(self) -> str:
        return (
            f"`{self.rule}` over {self.metric}{of_categories(self.categories)} in "
            f"`{self.benchmark}`, against `{self.baseline}`, margin {self.margin:g}"
        )

    def rival_table(self) -> RivalTable:
        """Enough decimals to tell a difference of a tenth of the margin from none."""
        return RivalTable(
            self.metric, max(_FEWEST_DECIMALS, 1 - math.floor(math.log10(self.margin)))
        )


def _paired(arm: Arm, reference: Arm) -> Arm:
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
