"""Means over prompts and their 95 % intervals.

Prompts are the independent observations; the seeds of a prompt are averaged first. Intervals are
Student's t over prompt-level values, unadjusted for how many are looked at.

Shares of a few facts differ between variants on few prompts, often on none: then the sample
spread is far too small or 0. Two pseudo-prompts, one at each end of the range (+1 and -1 for a
difference, 1 and 0 for a mean), keep every such interval wider than 0 and its coverage near
nominal, in the spirit of Agresti and Coull 1998; Bonett and Price 2012 do the same for paired
proportions. They widen the interval only: the mean shown is the prompts' own.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

MIN_PROMPTS = 8
Floats = NDArray[np.float64]
CONFIDENCE = 0.95
SIGNIFICANT_DIGITS = 6

Unit = tuple[str, int]
"""Prompt id and seed: what two variants are paired by."""


class Estimate(NamedTuple):
    """A mean over prompts with its interval."""

    num_prompts: int
    mean: float | None
    """None without prompts."""
    low: float | None
    """None under 8 prompts, or where all prompts agree exactly and a spread can't be estimated."""
    high: float | None


def prompt_means(scores: Mapping[Unit, float | None]) -> dict[str, float]:
    """Mean over the seeds of each prompt; a missing score is left out, never counted as 0."""
    values: dict[str, list[float]] = {}
    for (prompt_id, _), score in sorted(scores.items()):
        if score is not None:
            values.setdefault(prompt_id, []).append(score)
    return {prompt_id: float(np.mean(seeds)) for prompt_id, seeds in values.items()}


def paired_differences(
    scores: Mapping[Unit, float | None], baseline: Mapping[Unit, float | None]
) -> dict[Unit, float]:
    """Score minus the baseline's of the same prompt and seed, where both were scored."""
    differences = {}
    for unit, score in scores.items():
        reference = baseline.get(unit)
        if score is not None and reference is not None:
            differences[unit] = score - reference
    return differences


def estimate(
    values: Sequence[float], bounds: tuple[float, float] | None, confidence: float = CONFIDENCE
) -> Estimate:
    """Mean of prompt-level values and its t interval.

    Args:
        values: one a prompt.
        bounds: ends of the range for shares of facts, which then get a pseudo-prompt at each end
            and intervals inside the range; None for everything else.
        confidence: of the two-sided interval.
    """
    if not values:
        return Estimate(0, None, None, None)
    mean = float(np.mean(values))
    spread_of = np.array([*values, *(bounds or ())], dtype=np.float64)
    if len(values) < MIN_PROMPTS or np.ptp(spread_of) == 0:
        return Estimate(len(values), mean, None, None)
    center = spread_of.mean()
    error = spread_of.std(ddof=1) / np.sqrt(len(spread_of))
    reach = stats.t.ppf(0.5 + confidence / 2, df=len(spread_of) - 1) * error
    low, high = bounds or (-np.inf, np.inf)
    return Estimate(
        len(values), mean, float(max(center - reach, low)), float(min(center + reach, high))
    )


def rounded(value: float | None) -> float | None:
    """The number to 6 significant digits: rounding of sums differs by machine, results should not.

    Raises:
        ValueError: NaN or infinity.
    """
    if value is None:
        return None
    if not math.isfinite(value):
        raise ValueError(f"a result is a finite number or null, not {value}")
    short = float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0  # + 0.0 makes -0.0 and 0.0 one value
    return int(short) if short.is_integer() and abs(short) < 10**SIGNIFICANT_DIGITS else short


def jackknife(
    units: Collection[str],
    statistic: Callable[[Collection[str]], float | None],
    bounds: tuple[float, float] | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """A statistic of all units with its t interval, by Tukey's delete-one jackknife.

    For a mean this is the t interval of the mean. It is for smooth statistics: a median or a
    maximum would get an interval that means nothing.

    Args:
        units: what is independent, such as prompts.
        statistic: of the units that are kept; None where it does not exist.
        bounds: of what the statistic may be; the interval stays inside.
        confidence: of the two-sided interval, which exists from 8 units on.
    """
    kept = sorted(set(units))
    value = statistic(kept)
    if value is None or len(kept) < MIN_PROMPTS:
        return Estimate(len(kept), value, None, None)
    without = [statistic([unit for unit in kept if unit != left]) for left in kept]
    known = np.array([each for each in without if each is not None])
    if len(known) < len(kept) or np.ptp(known) == 0:
        return Estimate(len(kept), value, None, None)
    number = len(known)
    error = float(np.sqrt((number - 1) / number * np.square(known - known.mean()).sum()))
    reach = float(stats.t.ppf(0.5 + confidence / 2, df=number - 1)) * error
    low, high = bounds or (-math.inf, math.inf)
    return Estimate(number, value, max(value - reach, low), min(value + reach, high))
