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
from zimage_eval.questions.contrasts import OPEN
from zimage_eval.questions.evidence import (
    Evidence,
    GradedRung,
    RivalResult,
    inconclusive,
    not_testable,
)
from zimage_eval.questions.measurements import Measurements, unit_name
from zimage_eval.questions.terms import MarginValue, Name
from zimage_eval.statistics.estimates import CONFIDENCE, MIN_PROMPTS, prompt_means
from zimage_eval.statistics.studentized import MeanTest, mean_test
from zimage_eval.statistics.words import Rung, gain_words

_DECIMALS = 3
_WORDS = {
    "above": ("above", "more", "less", "size_open"),
    "below": ("below", "worse_more", "worse_less", "worse_size_open"),
}
"""Words that bear a claim out, by its rule; with a margin, a value inside it is on neither side."""


class ThresholdClaim(ClaimOnBenchmark):
    """A claim that the mean over a benchmark's units lies above (below) a number."""

    rule: Literal["above", "below"]
    metric: Name
    variant: Name
    threshold: float
    bounds: Bounds = None
    categories: Categories = ()
    margin: MarginValue | None = None
    """A distance to the number that does not matter; without one only the side is told."""

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
        rungs = [
            GradedRung(
                word=rung.word,
                says="yes" if rung.word in _WORDS[self.rule] else "no",
                p_value=min(1.0, rung.p_value),
                is_full=rung.is_full,
                number_of=self.variant,
            )
            for rung in self._ladder(test)
        ]
        return Evidence(
            status="weighed",
            rungs=tuple(rungs),
            reason="",
            num_prompts=len(means),
            margin=self.margin,
            rivals=(self._result(means, test),),
            closest=self.variant,
        )

    def _ladder(self, test: MeanTest) -> Sequence[Rung]:
        """The words on the side, and on the distance where a margin is declared.

        Part words that leave the side open are no answer.
        """
        if self.margin is not None:
            rungs = gain_words(test.relative_to(self.threshold), self.margin, self.variant)
            return [rung for rung in rungs if rung.word not in ("no_gain", "no_loss")]
        above, below = 2 * test.p_above(self.threshold), 2 * test.p_below(self.threshold)
        return Rung("above", above, True), Rung("below", below, True)

    def _result(self, means: Sequence[float], test: MeanTest) -> RivalResult:
        """The mean itself, and on which side of the threshold its interval lies."""
        low, high = test.interval(CONFIDENCE)
        word = OPEN
        if not low <= self.threshold <= high:
            word = "above" if low > self.threshold else "below"
        mean = float(np.mean(means))
        return RivalResult(variant=self.variant, word=word, gain=mean, low=low, high=high)

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
