"""P-values adjusted for the number of tests: Holm and Benjamini-Hochberg."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the chance of any false rejection, in input order.

    Holm 1979.
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the expected share of false rejections, in input order.

    Benjamini and Hochberg 1995.
    """
    if not p_values:
        return []
    exact = np.asarray(p_values, dtype=np.float64)  # scipy can't scale whole numbers in place
    return [float(p) for p in stats.false_discovery_control(exact)]
