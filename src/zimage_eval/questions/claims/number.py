"""A claim about one number that a benchmark measured, such as a share of the time."""

from typing import Annotated, Literal

from pydantic import Field

from zimage_eval.questions.claims.claim import ClaimOnBenchmark
from zimage_eval.questions.evidence import Evidence, RivalResult, exact, not_testable
from zimage_eval.questions.measurements import Measurements
from zimage_eval.questions.terms import Name


class NumberClaim(ClaimOnBenchmark):
    """A claim that one number, or its ratio to another, is as large (as small) as a third."""

    rule: Literal["at_least", "at_most"]
    row: Name
    metric: Name
    threshold: float
    over: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Rows whose numbers it is divided by, all of which must bear the claim out; the number itself
    if left out."""

    def weigh(self, measured: Measurements) -> Evidence:
        for row in (self.row, *self.over):
            if measured.row(self.benchmark, row).get(self.metric) is None:
                return not_testable(
                    f"{self.benchmark} measured no {self.metric} of {row} in this run"
                )
        value = self._value(measured)
        is_higher = value >= self.threshold
        holds = is_higher if self.rule == "at_least" else value <= self.threshold
        word = "above" if is_higher else "below"
        result = RivalResult(variant=self.row, word=word, gain=value, low=None, high=None)
        return exact(holds=holds, num_values=1, rivals=(result,))

    def _value(self, measured: Measurements) -> float:
        """The number, or of its ratios the one that speaks against the claim most."""
        number, *others = (
            measured.row(self.benchmark, row).get(self.metric) or 0.0
            for row in (self.row, *self.over)
        )
        worst = min if self.rule == "at_least" else max
        return worst(number / divisor for divisor in others) if others else number

    def describe(self) -> str:
        words = self.rule.replace("_", " ")
        rows = ", ".join(f"`{row}`" for row in self.over)
        times = f" times that of {rows}" if rows else ""
        return (
            f"{self.metric} of `{self.row}` in `{self.benchmark}` is {words} "
            f"{self.threshold:g}{times}"
        )
