"""A claim that a benchmark has tested itself, against "it does not hold"."""

from typing import Literal

from zimage_eval.questions.claims.claim import ClaimOnBenchmark
from zimage_eval.questions.evidence import Evidence, GradedRung, not_testable
from zimage_eval.questions.measurements import Measurements
from zimage_eval.questions.terms import Name


class TestedClaim(ClaimOnBenchmark):
    """A claim whose p-value is among the numbers of a benchmark.

    A test of its own can speak for a claim; that it does not is no evidence against.
    """

    rule: Literal["tested"]
    row: Name
    p_value: Name
    """The metric that holds it; None among the results is what could not be tested."""
    size: Name
    """The metric that holds the number of units."""

    def weigh(self, measured: Measurements) -> Evidence:
        row = measured.row(self.benchmark, self.row)
        p_value = row.get(self.p_value)
        if p_value is None:
            return not_testable(f"benchmark {self.benchmark} has no {self.p_value} of {self.row}")
        return Evidence(
            status="weighed",
            rungs=(GradedRung("shown", "yes", p_value, is_full=True),),
            reason="",
            num_prompts=round(row.get(self.size) or 0),
        )

    def describe(self) -> str:
        return f"the test of `{self.row}` in `{self.benchmark}` ({self.p_value})"
