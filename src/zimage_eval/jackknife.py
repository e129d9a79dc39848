"""Intervals of numbers that are no means over prompts: leave one prompt out at a time."""

import math
from collections.abc import Callable, Collection

import numpy as np
from scipy import stats

from zimage_eval.statistics import CONFIDENCE, MIN_PROMPTS, Estimate


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
