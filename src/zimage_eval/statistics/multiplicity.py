"""P-values adjusted for how many are looked at."""

from collections.abc import Sequence

import numpy as np
from scipy import stats


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the chance of any false rejection (Holm 1979), input order."""
    adjusted = [0.0] * len(p_values)
    worst = 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        worst = max(worst, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, worst)
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that bound the share of false rejections among all (1995), input order."""
    if not p_values:
        return []
    exact = np.asarray(p_values, dtype=np.float64)  # scipy can't scale whole numbers in place
    return [float(p) for p in stats.false_discovery_control(exact)]
