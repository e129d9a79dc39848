"""What a contrast of two variants shows, given a margin that was declared before the run.

A contrast is the paired difference of a metric, variant minus baseline, one number a prompt. Of a
metric that is compared by ratios it is the difference of logarithms.
"""

import math
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
from zimage_eval.statistics.studentized import MeanTest, mean_test
from zimage_eval.statistics.words import LEVEL, gain_words, read_word
from zimage_eval.studies.summaries import ALL

OPEN = "open"
"""In place of a word, where none is earned or nothing is concluded."""


class Margin(NamedTuple):
    """What is declared of a metric's contrasts before the run."""

    margin: float
    """In the unit of the gains, above 0: a smaller difference does not matter."""
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
    min_prompts: int = MIN_PROMPTS
    """Fewer prompts decide nothing."""

    @property
    def gains(self) -> list[float]:
        """The differences in order of prompt id; above 0 is better, or higher without a better."""
        sign = -1.0 if self.better == "lower" else 1.0
        return [sign * self.differences[prompt] for prompt in sorted(self.differences)]

    @property
    def gains_by_prompt(self) -> dict[str, float]:
        """The gains by prompt id, in its order."""
        return dict(zip(sorted(self.differences), self.gains, strict=True))

    def mean_test(self, terms: Margin) -> MeanTest | None:
        """Of the mean gain; None where too little was scored to conclude anything."""
        is_enough = len(self.differences) >= self.min_prompts
        is_covered = self.coverage >= terms.min_coverage
        return mean_test(self.gains, self.bounds) if is_covered and is_enough else None

    def problem(self, terms: Margin) -> str:
        """Why there is no test of the mean, in words, where there is none."""
        if self.coverage < terms.min_coverage:
            return f"{self.coverage:.0%} of the pairs are scored, {terms.min_coverage:.0%} needed"
        count = len(self.differences)
        if count < MIN_PROMPTS:
            return f"{count} prompts are too few for an interval"
        if count < self.min_prompts:
            return f"{self.metric} takes {self.min_prompts} prompts for a word, not {count}"
        return "the prompts agree too exactly for an interval: compare by equality"


class Finding(NamedTuple):
    """What one contrast shows. Numbers are gains: above 0 is better, or higher without a better."""

    word: str
    """Of `words.gain_words` at 5 %, or "open"."""
    reason: str
    """Why nothing is concluded; empty where something is, or the interval alone leaves it open."""
    num_prompts: int
    coverage: float
    gain: float | None
    low: float | None
    """Of the 95 % interval."""
    high: float | None


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

    A score that is missing, NaN or infinite is no pair, nor is one of a ratio that is not above 0;
    pairs that were asked for in either arm count towards the coverage.

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
    )._replace(min_prompts=properties.min_prompts)


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


def margin_of_gains(metric: str, margin: float) -> float:
    """The margin in the unit of a contrast's gains, for a metric by name or of a benchmark."""
    is_log = metric in METRICS and METRICS[metric].contrast == "log"
    return math.log1p(margin) if is_log else margin


def check_assay(swapped: Contrast, terms: Margin) -> Assay:
    """Whether judging the baseline's images by other prompts' texts costs more than the margin.

    They must be the baseline's own images: a judge that prefers whatever the baseline draws then
    sees no loss, and is found out. The 95 % interval of the loss must lie beyond the margin.
    """
    finding = find(swapped, terms, SENSITIVE)
    if finding.word == "worse_more":
        return SENSITIVE
    loss = finding.reason or f"a gain of {finding.gain:.3g}"
    why = f"the loss with swapped prompts is not shown to exceed the margin: {loss}"
    return Assay(is_sensitive=False, reason=why)


def find(contrast: Contrast, terms: Margin, assay: Assay) -> Finding:
    """What the contrast shows at 5 %; open where the study's judge is not sensitive.

    Where only the number of prompts is too small for a word there still is an interval.
    """
    gains, test = contrast.gains, contrast.mean_test(terms)
    shown = contrast._replace(min_prompts=MIN_PROMPTS).mean_test(terms)
    low, high = (None, None) if shown is None else shown.interval(CONFIDENCE)
    finding = Finding(
        word=OPEN,
        reason=contrast.problem(terms) if test is None else assay.reason,
        num_prompts=len(gains),
        coverage=contrast.coverage,
        gain=float(np.mean(gains)) if gains else None,
        low=low,
        high=high,
    )
    if test is None or not assay.is_sensitive:
        return finding
    rung = read_word(gain_words(test, terms.margin, contrast.variant), LEVEL)
    return finding._replace(word=rung.word if rung else OPEN)


def _scores(
    rows: Iterable[TableRow], variant: str, metric: str, phase: str, category: str
) -> dict[Unit, float | None]:
    is_log = METRICS[metric].contrast == "log"
    return {
        (row["prompt_id"], row["seed"]): _logarithm(row[metric]) if is_log else _finite(row[metric])
        for row in rows
        if row["variant"] == variant
        and row["phase"] == phase
        and category in (ALL, row["category"])
    }


def _finite(score: float | None) -> float | None:
    return score if score is not None and np.isfinite(score) else None


def _logarithm(score: float | None) -> float | None:
    known = _finite(score)
    return math.log(known) if known is not None and known > 0 else None
