"""What every kind of claim can do: weigh itself, and tell the report about itself."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import Field

from zimage_eval.config.frozen import Frozen
from zimage_eval.config.params import Phase
from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.known import Known, benchmark_problems
from zimage_eval.questions.measurements import Measurements
from zimage_eval.questions.terms import Name

Categories = Annotated[tuple[Name, ...], Field(strict=False)]
"""Of what was observed; all of it if left out."""
Bounds = Annotated[tuple[float, float] | None, Field(strict=False)]
"""Ends of the range of a share, (-1, 1) for differences of shares, which then get a pseudo-unit at
each: units that all fail are evidence, though they have no spread. None for other numbers."""


RATIO_DECIMALS = 2


class ScoreColumn(NamedTuple):
    """Scores of a study."""

    study: str
    phase: Phase
    metric: str


class RivalTable(NamedTuple):
    """How a page shows what the evidence has of each rival."""

    metric: str
    decimals: int
    threshold: float | None = None
    """What values are held to; None where the table is of differences to a baseline."""
    is_ratio: bool = False
    """Whether gains are logarithms of ratios, and shown as those."""


class Claim(Frozen):
    """A claim of a question, written down before the run.

    A kind of claim is a subclass in a file of its own, and a line of `kinds.AnyClaim`.
    """

    rule: str
    """What decides; a `Literal` where the kind has rules of its own."""

    @property
    @abstractmethod
    def source(self) -> str:
        """The study or the benchmark that it is weighed on."""

    @abstractmethod
    def weigh(self, measured: Measurements) -> Evidence:
        """The evidence; not testable, with the reason, where the source lacks something.

        Raises:
            ValueError: the metric does not fit the rule.
        """

    @abstractmethod
    def describe(self) -> str:
        """What decides, in words that a sentence can end with."""

    @abstractmethod
    def problems(self, known: Known) -> Iterator[str]:
        """A line for each name in it that is not known."""

    def describe_primary(self) -> str:
        """What decides, on a page that shows the claim's numbers under its results."""
        return self.describe()

    def rival_table(self) -> RivalTable | None:
        """How its rivals are shown; None where the verdict says all."""
        return None

    @property
    def scores(self) -> ScoreColumn | None:
        """The scores that it is weighed on; None for a claim about no study."""
        return None

    @property
    def needed_checks(self) -> tuple[str, ...]:
        """Statements of its benchmark that must hold."""
        return ()


class ClaimOnBenchmark(Claim):
    """What claims about a benchmark have in common."""

    benchmark: Name

    @property
    def source(self) -> str:
        return self.benchmark

    def problems(self, known: Known) -> Iterator[str]:
        return benchmark_problems(self.benchmark)


def of_categories(categories: tuple[str, ...]) -> str:
    """` of photograph, scene`; empty where none is named."""
    return f" of {', '.join(categories)}" if categories else ""
