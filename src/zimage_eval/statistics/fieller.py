"""Where a distance between images lies on a scale from numerical noise to another seed.

A distance means little by itself. It is placed on a scale whose 0 (floor) is the distance that
another number format or batch size causes, and whose 1 (ceiling) is the distance that another seed
causes. The position is a ratio of means, with Fieller's interval (1954) over prompts.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from zimage_eval.statistics.estimates import MIN_PROMPTS

ScalePlace = Literal[
    "at_floor", "between", "at_ceiling", "beyond_ceiling", "unresolved", "inconclusive"
]


class Placement(NamedTuple):
    """A mean distance on the scale of its floor and ceiling."""

    place: ScalePlace
    reason: str
    """Why nothing is concluded; empty otherwise."""
    num_prompts: int
    """Prompts with all three distances."""
    position: float | None
    """0 at the floor, 1 at the ceiling."""
    low: float | None
    """Lower end of the 90 % interval, so that comparing an end with a margin is an equivalence
    test at 5 %."""
    high: float | None
    """Upper end of it."""


def place_distance(
    distances: Mapping[str, float],
    floor: Mapping[str, float],
    ceiling: Mapping[str, float],
    margin: float,
    min_coverage: float,
) -> Placement:
    """Place a variant's distance to the baseline on the scale from floor to ceiling.

    Args:
        distances: prompt id -> mean over seeds of the variant's distance to the baseline. A
            similarity such as PSNR works too: its floor is then the higher number.
        floor: the same for the baseline made with another number format or batch size.
        ceiling: the same for the baseline made with other seeds.
        margin: share of the scale, in (0, 0.5), that counts as being at one of its ends.
        min_coverage: of the prompts that have any of the three distances, the share that must have
            all three.

    Returns:
        "inconclusive", with a reason, if too few prompts have all three distances or floor and
        ceiling can't be told apart.

    Raises:
        ValueError: the margin is outside (0, 0.5).
    """
    if not 0 < margin < 0.5:
        raise ValueError(f"the margin is a share of the scale in (0, 0.5), not {margin}")
    measured_prompts = [
        {p for p, value in d.items() if np.isfinite(value)} for d in (distances, floor, ceiling)
    ]
    prompts = sorted(set.intersection(*measured_prompts))
    all_prompts = distances.keys() | floor.keys() | ceiling.keys()
    if len(prompts) < max(MIN_PROMPTS, min_coverage * len(all_prompts)):
        reason = f"{len(prompts)} of {len(all_prompts)} prompts have all three distances"
        return Placement("inconclusive", reason, len(prompts), None, None, None)
    base = np.array([floor[p] for p in prompts])
    steps = np.array([distances[p] for p in prompts]) - base
    span = np.array([ceiling[p] for p in prompts]) - base
    interval = fieller_interval(steps, span, 0.90)
    if interval is None:
        reason = "floor and ceiling are not told apart at this size"
        return Placement("inconclusive", reason, len(prompts), None, None, None)
    position = float(steps.mean() / span.mean())
    low, high = interval
    return Placement(
        place=_place(low, high, margin),
        reason="",
        num_prompts=len(prompts),
        position=position,
        low=low,
        high=high,
    )


def fieller_interval(
    numerators: np.ndarray, denominators: np.ndarray, confidence: float
) -> tuple[float, float] | None:
    """Fieller's interval of mean(numerators) / mean(denominators); None if the latter may be 0.

    Args:
        numerators: `(num_prompts,)`.
        denominators: `(num_prompts,)`, of the same prompts in the same order.
        confidence: level of the two-sided interval.
    """
    size = len(numerators)
    covariance = np.cov(numerators, denominators) / size
    quantile = stats.t.ppf(0.5 + confidence / 2, size - 1) ** 2
    top, bottom = numerators.mean(), denominators.mean()
    square = bottom**2 - quantile * covariance[1, 1]
    if square <= 0:
        return None
    middle = top * bottom - quantile * covariance[0, 1]
    constant = top**2 - quantile * covariance[0, 0]
    root = np.sqrt(max(middle**2 - square * constant, 0.0))
    return float((middle - root) / square), float((middle + root) / square)


def _place(low: float, high: float, margin: float) -> ScalePlace:
    if high < margin:
        return "at_floor"
    if low > 1 + margin:
        return "beyond_ceiling"
    if 1 - margin < low and high < 1 + margin:
        return "at_ceiling"
    return "between" if low > 0 and high < 1 else "unresolved"
