"""What a contrast of two variants shows, given a margin that was declared before the run.

A contrast is the paired difference of a metric, variant minus baseline, one number a prompt.
Equivalence is two one-sided tests (Schuirmann 1987; Lakens 2017), which is the same as a 90 %
interval inside the margin.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from zimage_eval.config.metrics import METRICS
from zimage_eval.output.tables import TableRow
from zimage_eval.statistics.estimates import (
    CONFIDENCE,
    MIN_PROMPTS,
    Unit,
    paired_differences,
    prompt_means,
)
from zimage_eval.statistics.power import smallest_effect
from zimage_eval.statistics.studentized import MeanTest, mean_test
from zimage_eval.studies.summaries import ALL

Kind = Literal[
    "equivalent",
    "negligible",
    "better",
    "worse",
    "higher",
    "lower",
    "direction_only",
    "unresolved",
    "inconclusive",
]
"""Better and worse become higher and lower for a metric of which neither end is good in itself."""
INNER = 0.90
"""Confidence of the interval that decides on equivalence."""


class Margin(NamedTuple):
    """What is declared of a metric's contrasts before the run."""

    margin: float
    """In the metric's unit, above 0: a smaller difference does not matter."""
    min_coverage: float
    """Share of the pairs asked for, in (0, 1], below which nothing is concluded."""


class Contrast(NamedTuple):
    """Paired differences of one metric between a variant and the baseline."""

    variant: str
    metric: str
    differences: Mapping[str, float]
    """Prompt id -> mean over its seeds of variant minus baseline; prompts without a pair absent."""
    coverage: float
    """Share of the (prompt, seed) pairs asked for that have a score in both arms."""
    bounds: tuple[float, float] | None
    """(-1, 1) for shares of facts."""
    better: Literal["higher", "lower"] | None
    """None where neither end is good in itself."""

    @property
    def gains(self) -> list[float]:
        """The differences in order of prompt id; above 0 is better, or higher without a better."""
        sign = -1.0 if self.better == "lower" else 1.0
        return [sign * self.differences[prompt] for prompt in sorted(self.differences)]

    def mean_test(self, terms: Margin) -> MeanTest | None:
        """Of the mean gain; None where too little was scored to conclude anything."""
        is_covered = self.coverage >= terms.min_coverage
        return mean_test(self.gains, self.bounds) if is_covered else None

    def problem(self, terms: Margin) -> str:
        """Why there is no test of the mean, in words, where there is none."""
        if self.coverage < terms.min_coverage:
            return f"{self.coverage:.0%} of the pairs are scored, {terms.min_coverage:.0%} needed"
        if len(self.differences) < MIN_PROMPTS:
            return f"{len(self.differences)} prompts are too few for an interval"
        return "the prompts agree too exactly for an interval: compare by equality"


class Finding(NamedTuple):
    """What one contrast shows. Numbers are gains: above 0 is better, or higher without a better."""

    kind: Kind
    reason: str
    num_prompts: int
    coverage: float
    gain: float | None
    low: float | None
    """Of the 95 % interval."""
    high: float | None
    smallest_effect: float | None
    """What this size finds with 80 % power, from the spread that was seen."""


class Assay(NamedTuple):
    """Whether a study's judge notices swapped prompts."""

    is_sensitive: bool
    reason: str
    """Why it does not; empty where it does."""


SENSITIVE = Assay(is_sensitive=True, reason="")
"""What is measured without a judge needs no swapped prompts."""


def paired_contrast(
    rows: Sequence[TableRow],
    variant: str,
    baseline: str,
    metric: str,
    phase: str,
    category: str = ALL,
) -> Contrast:
    """The contrast of two variants in the rows of a score table.

    A score that is missing, NaN or infinite is no pair; pairs that were asked for in either arm
    count towards the coverage.

    Raises:
        ValueError: the metric is itself a distance to the baseline; or neither arm has rows in that
            phase and category.
    """
    properties = METRICS[metric]
    bounds = (-1.0, 1.0) if properties.is_judged else None
    if properties.is_paired:
        raise ValueError(f"{metric} is a distance to the baseline: place it on a noise scale")
    arm, reference = (_scores(rows, name, metric, phase, category) for name in (variant, baseline))
    if not arm.keys() | reference.keys():
        raise ValueError(f"no {phase} scores of {variant!r} and {baseline!r} in {category!r}")
    return contrast_arms(
        variant=variant,
        metric=metric,
        arm=arm,
        reference=reference,
        bounds=bounds,
        better=properties.better,
    )


def contrast_arms(
    *,
    variant: str,
    metric: str,
    arm: Mapping[Unit, float | None],
    reference: Mapping[Unit, float | None],
    bounds: tuple[float, float] | None,
    better: Literal["higher", "lower"] | None,
) -> Contrast:
    """The contrast of two arms, each a score by prompt (or whatever is independent) and seed."""
    pairs = arm.keys() | reference.keys()
    differences = paired_differences(arm, reference)
    return Contrast(
        variant=variant,
        metric=metric,
        differences=prompt_means(differences),
        coverage=len(differences) / len(pairs) if pairs else 0.0,
        bounds=bounds,
        better=better,
    )


def check_assay(swapped: Contrast, terms: Margin) -> Assay:
    """Whether judging the baseline's images by other prompts' texts costs more than the margin.

    They must be the baseline's own images: a judge that prefers whatever the baseline draws then
    sees no loss, and is found out. The 95 % interval of the loss must lie beyond the margin.
    """
    finding = find(swapped, terms, SENSITIVE)
    if finding.kind == "worse":
        return SENSITIVE
    loss = finding.reason or f"{finding.kind.replace('_', ' ')}, {finding.gain:.3g}"
    why = f"the loss with swapped prompts is not shown to exceed the margin: {loss}"
    return Assay(is_sensitive=False, reason=why)


def find(contrast: Contrast, terms: Margin, assay: Assay) -> Finding:
    """What the contrast shows; inconclusive where the study's judge is not sensitive."""
    gains, test = contrast.gains, contrast.mean_test(terms)
    untested = Finding(
        kind="inconclusive",
        reason=contrast.problem(terms) if test is None else assay.reason,
        num_prompts=len(gains),
        coverage=contrast.coverage,
        gain=float(np.mean(gains)) if gains else None,
        low=None,
        high=None,
        smallest_effect=None,
    )
    if test is None:
        return untested
    low, high = test.interval(CONFIDENCE)
    kind = _kind(test, (low, high), terms.margin, has_better=contrast.better is not None)
    spread = test.error * np.sqrt(test.degrees + 1)
    return untested._replace(
        kind=kind if assay.is_sensitive else "inconclusive",
        low=low,
        high=high,
        smallest_effect=smallest_effect(float(spread), len(gains)),
    )


def _kind(
    test: MeanTest, interval: tuple[float, float], margin: float, *, has_better: bool
) -> Kind:
    """What a gain is, by its 95 % interval and by the test that it is inside the margin."""
    low, high = interval
    inner = test.interval(INNER)
    p_outside = max(test.p_above(-margin), test.p_below(margin))
    if -margin < inner[0] and inner[1] < margin and p_outside <= (1 - INNER) / 2:
        return "negligible" if low > 0 or high < 0 else "equivalent"
    if low > margin:
        return "better" if has_better else "higher"
    if high < -margin:
        return "worse" if has_better else "lower"
    return "direction_only" if low > 0 or high < 0 else "unresolved"


def _scores(
    rows: Iterable[TableRow], variant: str, metric: str, phase: str, category: str
) -> dict[Unit, float | None]:
    return {
        (row["prompt_id"], row["seed"]): _finite(row[metric])
        for row in rows
        if row["variant"] == variant
        and row["phase"] == phase
        and category in (ALL, row["category"])
    }


def _finite(score: float | None) -> float | None:
    return score if score is not None and np.isfinite(score) else None
