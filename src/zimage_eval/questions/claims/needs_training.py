"""The claim of a page that frozen weights can't answer: its design decides, by short trainings."""

from typing import Literal

from zimage_eval.questions.claims.claim import ClaimOnBenchmark
from zimage_eval.questions.evidence import Evidence, not_testable
from zimage_eval.questions.measurements import Measurements


class NeedsTrainingClaim(ClaimOnBenchmark):
    """Nothing is claimed of these weights; `benchmark` holds the trainings of the design."""

    rule: Literal["needs_training"]

    def weigh(self, measured: Measurements) -> Evidence:
        return not_testable("frozen weights can't say what another training would give")

    def describe(self) -> str:
        return "nothing that frozen weights show: the claim is about the design"
