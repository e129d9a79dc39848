"""A claim about the code or the numbers themselves: checks that hold or don't."""

from typing import Annotated, Literal

from pydantic import Field

from zimage_eval.questions.claims.claim import ClaimOnBenchmark
from zimage_eval.questions.evidence import Evidence, exact, not_testable
from zimage_eval.questions.measurements import CHECKS, Measurements
from zimage_eval.questions.terms import Name


class ExactClaim(ClaimOnBenchmark):
    """A claim that statements, which a benchmark checked, hold.

    By `exact` they say yes to what is asked; by `exact_no`, no: "does the side matter?" is denied
    where both sides are checked to be equal.
    """

    rule: Literal["exact", "exact_no"]
    checks: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    """All must hold."""

    def weigh(self, measured: Measurements) -> Evidence:
        checks = measured.row(self.benchmark, CHECKS)
        unchecked = [name for name in self.checks if checks.get(name) is None]
        if unchecked:
            return not_testable(f"benchmark {self.benchmark} did not check {', '.join(unchecked)}")
        failed = tuple(name for name in self.checks if not checks[name])
        weighed = exact(holds=not failed, num_values=len(self.checks), named=failed)
        if self.rule == "exact":
            return weighed
        (rung,) = weighed.rungs
        return weighed._replace(rungs=(rung._replace(says="yes" if failed else "no"),))

    def describe(self) -> str:
        return f"checks of `{self.benchmark}` by equality ({', '.join(self.checks)})"

    def describe_primary(self) -> str:
        return f"checks of `{self.benchmark}` by equality, under Results; all must hold"

    @property
    def needed_checks(self) -> tuple[str, ...]:
        return self.checks
