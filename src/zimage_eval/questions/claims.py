"""What a question claims, written down before the run: one type a source of evidence."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag

from zimage_eval.config.frozen import Frozen, unknown
from zimage_eval.config.metrics import METRICS
from zimage_eval.config.params import Phase

ContrastRule = Literal[
    "baseline_best",
    "some_better",
    "no_difference",
    "best_of_grid",
    "higher",
    "lower",
    "depends_on_category",
    "interaction",
]
"""How contrasts with the baseline decide; each is a function of `evidence` or `rules`."""

Name = Annotated[str, StringConstraints(min_length=1)]
Rivals = Literal["all"] | Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
"""Names of the variants that the baseline is compared with; an interaction names the two changes
and both together."""


def _known_metric(name: str) -> str:
    if name not in METRICS:
        raise ValueError(f"unknown metric {unknown(name, METRICS)}")
    return name


MetricName = Annotated[str, AfterValidator(_known_metric)]
MarginValue = Annotated[float, Field(gt=0)]
"""In the metric's unit: a smaller difference does not matter."""


class AssayRule(Frozen):
    """Which loss shows that a study's judge sees anything."""

    variant: str
    """Name of the arm that holds the baseline's images, judged by other prompts' texts."""
    metric: MetricName
    margin: MarginValue


class SharedTerms(Frozen):
    """questions/terms.yaml: what holds for every claim."""

    min_coverage: Annotated[float, Field(gt=0, le=1)]
    """Share of the (prompt, seed) pairs that must have a score."""
    assay: AssayRule


class StudyClaim(Frozen):
    """A claim about the scores of a study."""

    rule: ContrastRule
    study: Name
    metric: MetricName
    phase: Phase
    rivals: Rivals
    baseline: Name | None = None
    """The variant that rivals are compared with; the study's own baseline if left out."""
    category: Name | None = None
    """Of prompts; all of them if left out."""
    margin: MarginValue | None = None
    """The metric's own if left out."""
    lead: Annotated[float, Field(ge=0)] = 0.0
    """How far ahead the better must be beyond doubt."""


Bounds = Annotated[tuple[float, float] | None, Field(strict=False)]
"""Ends of the range of a share, (-1, 1) for differences of shares, which then get a pseudo-unit at
each: units that all fail are evidence, though they have no spread. None for other numbers."""


class BenchmarkClaim(Frozen):
    """A claim about what a benchmark observed: the same rules, on its own units."""

    rule: ContrastRule
    benchmark: Name
    metric: Name
    better: Literal["higher", "lower"] | None
    baseline: Name
    rivals: Rivals
    margin: MarginValue
    categories: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Of what was observed; all of it if left out."""
    lead: Annotated[float, Field(ge=0)] = 0.0
    bounds: Bounds = None


class ThresholdClaim(Frozen):
    """A claim that the mean of what a benchmark observed lies beyond a number."""

    rule: Literal["above", "below"]
    benchmark: Name
    metric: Name
    variant: Name
    threshold: float
    bounds: Bounds = None
    categories: Annotated[tuple[Name, ...], Field(strict=False)] = ()


class ExactClaim(Frozen):
    """A claim about the code or the numbers themselves: checks that hold or don't."""

    rule: Literal["exact"]
    benchmark: Name
    checks: Annotated[tuple[Name, ...], Field(strict=False, min_length=1)]
    """All must hold."""


class TestedClaim(Frozen):
    """A claim that a benchmark has tested itself, against "it does not hold"."""

    rule: Literal["tested"]
    benchmark: Name
    row: Name
    p_value: Name
    """The metric that holds it; None among the results is what could not be tested."""
    size: Name
    """The metric that holds the number of units."""


class NumberClaim(Frozen):
    """A claim about one number that a benchmark measured, such as a share of the time."""

    rule: Literal["at_least", "at_most"]
    benchmark: Name
    row: Name
    metric: Name
    threshold: float


def _kind_of(data: Any) -> str:  # noqa: ANN401 - whatever the file holds, or a claim
    def field(name: str) -> object:
        return data.get(name) if isinstance(data, dict) else getattr(data, name, None)

    if field("rule") in ("exact", "tested"):
        return str(field("rule"))
    if field("rule") in ("at_least", "at_most"):
        return "number"
    if field("rule") in ("above", "below"):
        return "threshold"
    return "study" if field("benchmark") is None else "benchmark"


Claim = Annotated[
    Annotated[StudyClaim, Tag("study")]
    | Annotated[BenchmarkClaim, Tag("benchmark")]
    | Annotated[ThresholdClaim, Tag("threshold")]
    | Annotated[ExactClaim, Tag("exact")]
    | Annotated[TestedClaim, Tag("tested")]
    | Annotated[NumberClaim, Tag("number")],
    Discriminator(_kind_of),
]
"""Told apart by the rule, and by whether a study or a benchmark is named."""
