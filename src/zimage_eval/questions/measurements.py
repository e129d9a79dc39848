"""All that claims are weighed on: scores of studies, and what benchmarks measured."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from zimage_eval.output.observations import Measurement
from zimage_eval.output.results import NumberRow
from zimage_eval.output.tables import TableRow
from zimage_eval.questions.terms import SharedTerms

CHECKS = "checks"
"""The row of a benchmark in which 1 says that a statement holds, and 0 that it does not."""


FORWARDS = "num_forwards"
"""The column of a score table that tells what a picture costs."""


class StudyScores(NamedTuple):
    """The score table of a study."""

    rows: Sequence[TableRow]
    baseline: str
    """Name of the variant that equals the defaults."""

    def forwards(self, phase: str) -> dict[str, float]:
        """Variant -> forwards an image, the mean over those made; without those not counted."""
        counts: dict[str, list[float]] = {}
        for row in self.rows:
            number = row.get(FORWARDS)
            if row["phase"] == phase and number is not None and math.isfinite(number):
                counts.setdefault(row["variant"], []).append(number)
        return {variant: sum(numbers) / len(numbers) for variant, numbers in counts.items()}


class Measurements(NamedTuple):
    """Everything measured, by study or benchmark, and the terms on which it is weighed."""

    studies: Mapping[str, StudyScores]
    observations: Mapping[str, Sequence[Measurement]]
    results: Mapping[str, Mapping[str, NumberRow]]
    """Row -> metric -> number."""
    terms: SharedTerms

    def observed(
        self, benchmark: str, metric: str, categories: Collection[str]
    ) -> list[Measurement]:
        """What a benchmark observed of a metric in those categories; in all, if none is named."""
        return [
            measurement
            for measurement in self.observations.get(benchmark, ())
            if measurement.metric == metric
            and (not categories or measurement.category in categories)
        ]

    def row(self, benchmark: str, name: str) -> NumberRow:
        """A benchmark's numbers of a row; empty where there is none."""
        return self.results.get(benchmark, {}).get(name, {})


def unit_name(measurement: Measurement) -> str:
    """A name that no unit of another category has."""
    return f"{measurement.category}/{measurement.unit}"
