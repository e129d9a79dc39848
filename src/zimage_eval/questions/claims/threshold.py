"""A claim that the mean of what a benchmark observed lies beyond a number."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from zimage_eval.questions.claims.claim import (
    Bounds,
    Categories,
    ClaimOnBenchmark,
    RivalTable,
    of_categories,
)
from zimage_eval.questions.contrasts import Kind
from zimage_eval.questions.evidence import Evidence, RivalResult, inconclusive, not_testable
from zimage_eval.questions.measurements import Measurements, unit_name
from zimage_eval.questions.terms import Name
from zimage_eval.statistics.estimates import CONFIDENCE, MIN_PROMPTS, prompt_means
from zimage_eval.statistics.studentized import MeanTest, mean_test

_DECIMALS = 3


class ThresholdClaim(ClaimOnBenchmark):
    """A claim that the mean over a benchmark's units lies above (below) a number."""

    rule: Literal["above", "below"]
    metric: Name
    variant: Name
    threshold: float
    bounds: Bounds = None
    categories: Categories = ()

    def weigh(self, measured: Measurements) -> Evidence:
        observed = measured.observed(self.benchmark, self.metric, self.categories)
        if not observed:
            return not_testable(f"benchmark {self.benchmark} has no {self.metric} here")
        by_unit = prompt_means(
            {
                (unit_name(measurement), measurement.replicate): measurement.value
                for measurement in observed
                if measurement.variant == self.variant
            }
        )
        means = [by_unit[unit] for unit in sorted(by_unit)]
        test = mean_test(means, self.bounds)
        if test is None:
            return inconclusive(_untested(len(means)), len(means))
        above, below = 2 * test.p_above(self.threshold), 2 * test.p_below(self.threshold)
        p_if_false, p_if_true = (above, below) if self.rule == "above" else (below, above)
        return Evidence(
            status="weighed",
            p_if_false=min(1.0, p_if_false),
            p_if_true=min(1.0, p_if_true),
            reason="",
            num_prompts=len(means),
            rivals=(self._result(means, test),),
        )

    def _result(self, means: Sequence[float], test: MeanTest) -> RivalResult:
        """The mean itself, and on which side of the threshold its interval lies."""
        low, high = test.interval(CONFIDENCE)
        kind: Kind = "unresolved"
        if not low <= self.threshold <= high:
            kind = "higher" if low > self.threshold else "lower"
        mean = float(np.mean(means))
        return RivalResult(variant=self.variant, kind=kind, gain=mean, low=low, high=high)

    def describe(self) -> str:
        return (
            f"the mean of {self.metric}{of_categories(self.categories)} in `{self.benchmark}` "
            f"({self.variant}) is {self.rule} {self.threshold:g}"
        )

    def rival_table(self) -> RivalTable:
        return RivalTable(self.metric, _DECIMALS, self.threshold)


def _untested(num_units: int) -> str:
    if num_units >= MIN_PROMPTS:
        return f"{num_units} units agree too exactly for an interval"
    return f"{num_units} units, {MIN_PROMPTS} needed"
