"""A claim about one number that a benchmark measured, such as a share of the time."""

from typing import Literal

from zimage_eval.questions.claims.claim import ClaimOnBenchmark
from zimage_eval.questions.evidence import Evidence, RivalResult, exact, not_testable
from zimage_eval.questions.measurements import Measurements
from zimage_eval.questions.terms import Name


class NumberClaim(ClaimOnBenchmark):
    """A claim that one number is as large (as small) as another."""

    rule: Literal["at_least", "at_most"]
    row: Name
    metric: Name
    threshold: float

    def weigh(self, measured: Measurements) -> Evidence:
        value = measured.row(self.benchmark, self.row).get(self.metric)
        if value is None:
            return not_testable(
                f"{self.benchmark} measured no {self.metric} of {self.row} in this run"
            )
        is_higher = value >= self.threshold
        holds = is_higher if self.rule == "at_least" else value <= self.threshold
        word = "above" if is_higher else "below"
        result = RivalResult(variant=self.row, word=word, gain=value, low=None, high=None)
        return exact(holds=holds, num_values=1, rivals=(result,))

    def describe(self) -> str:
        words = self.rule.replace("_", " ")
        return f"{self.metric} of `{self.row}` in `{self.benchmark}` is {words} {self.threshold:g}"
