"""Means over prompts and their 95 % intervals.

Prompts are the independent observations; the seeds of a prompt are averaged first. Intervals are
Student's t over prompt-level values, with no correction for how many intervals there are.

Shares of a few facts differ between variants on few prompts, often on none: then the sample
spread is far too small or 0. Two pseudo-prompts, one at each end of the range (+1 and -1 for a
difference, 1 and 0 for a mean), keep every such interval wider than 0 and its coverage near
nominal, in the spirit of Agresti and Coull 1998; Bonett and Price 2012 do the same for paired
proportions. Pseudo-prompts widen the interval only: the mean that is shown has none of them.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Unit = tuple[str, int]
"""Prompt id and seed: the scores of two variants are compared at equal pairs of these."""
MIN_PROMPTS = 8
CONFIDENCE = 0.95
SIGNIFICANT_DIGITS = 6


class Estimate(NamedTuple):
    """A mean over prompts with its interval."""

    num_prompts: int
    mean: float | None
    """None without prompts."""
    low: float | None
    """None under 8 prompts, or where all prompts agree exactly and a spread can't be estimated."""
    high: float | None


def prompt_means(scores: Mapping[Unit, float | None]) -> dict[str, float]:
    """Prompt id -> mean over the prompt's seeds; a missing score is left out, not counted as 0."""
    values: dict[str, list[float]] = {}
    for (prompt_id, _), score in sorted(scores.items()):
        if score is not None:
            values.setdefault(prompt_id, []).append(score)
    return {prompt_id: float(np.mean(seeds)) for prompt_id, seeds in values.items()}


def paired_differences(
    scores: Mapping[Unit, float | None], baseline: Mapping[Unit, float | None]
) -> dict[Unit, float]:
    """Score minus the baseline's score of the same prompt and seed, where both have one."""
    differences = {}
    for unit, score in scores.items():
        reference = baseline.get(unit)
        if score is not None and reference is not None:
            differences[unit] = score - reference
    return differences


def estimate(values: Sequence[float], bounds: tuple[float, float] | None) -> Estimate:
    """Mean of prompt-level values and its 95 % t interval.

    Args:
        values: one a prompt.
        bounds: for shares of facts, the ends of their range: a pseudo-prompt is put at each end,
            and the interval stays inside; None for everything else.

    Returns:
        The mean is None without values; the interval is None under 8 values, or where all of them
        are equal and `bounds` is None.
    """
    if not values:
        return Estimate(0, None, None, None)
    mean = float(np.mean(values))
    padded = np.array([*values, *(bounds or ())], dtype=np.float64)
    if len(values) < MIN_PROMPTS or np.ptp(padded) == 0:
        return Estimate(len(values), mean, None, None)
    center = padded.mean()
    error = padded.std(ddof=1) / np.sqrt(len(padded))
    reach = stats.t.ppf(0.5 + CONFIDENCE / 2, df=len(padded) - 1) * error
    low, high = bounds or (-np.inf, np.inf)
    return Estimate(
        num_prompts=len(values),
        mean=mean,
        low=float(max(center - reach, low)),
        high=float(min(center + reach, high)),
    )


def jackknife(
    units: Collection[str],
    statistic: Callable[[Collection[str]], float | None],
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """A statistic of all units with its 95 % t interval, by Tukey's delete-one jackknife.

    For a mean this is the t interval of the mean. Use it for smooth statistics only: the interval
    of a median or a maximum would be meaningless.

    Args:
        units: names of the independent observations, such as prompt ids.
        statistic: computes the number from a selection of units; None where it does not exist.
        bounds: the smallest and the largest possible number; the interval stays inside.

    Returns:
        The interval is None under 8 units, or where the statistic does not exist, or does not
        change, when a unit is left out.
    """
    kept = sorted(set(units))
    value = statistic(kept)
    if value is None or len(kept) < MIN_PROMPTS:
        return Estimate(len(kept), value, None, None)
    without = [statistic([unit for unit in kept if unit != excluded]) for excluded in kept]
    leave_one_out = np.array([number for number in without if number is not None])
    if len(leave_one_out) < len(kept) or np.ptp(leave_one_out) == 0:
        return Estimate(len(kept), value, None, None)
    num_units = len(leave_one_out)
    squares = np.square(leave_one_out - leave_one_out.mean())
    error = float(np.sqrt((num_units - 1) / num_units * squares.sum()))
    reach = float(stats.t.ppf(0.5 + CONFIDENCE / 2, df=num_units - 1)) * error
    low, high = bounds or (-math.inf, math.inf)
    return Estimate(num_units, value, max(value - reach, low), min(value + reach, high))


def rounded(value: float | None) -> float | None:
    """The number to 6 significant digits; None stays None.

    The last digits of a sum differ between machines; results should not.

    Raises:
        ValueError: NaN or infinity.
    """
    if value is None:
        return None
    if not math.isfinite(value):
        raise ValueError(f"a result is a finite number or null, not {value}")
    short = float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0  # + 0.0 makes -0.0 and 0.0 one value
    return int(short) if short.is_integer() and abs(short) < 10**SIGNIFICANT_DIGITS else short
