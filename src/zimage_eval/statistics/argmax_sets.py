"""Which variants of a study may be the best: a simultaneous confidence set of the argmax.

A variant leaves the set when its best rival leads by more than chance explains. Each variant gets
one max-t test, and the set holds the variants that are not rejected: comparisons with the best
(Hsu 1981). The distribution of the maximum comes from the multiplier bootstrap of Chernozhukov,
Chetverikov and Kato 2013, as Mogstad, Romano, Shaikh and Wilhelm 2024 use it for ranks. Each draw
is divided by the root of a chi-squared share, as in a multivariate t (Hothorn, Bretz and Westfall
2008): for two variants this is the t test.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from zimage_eval.statistics.estimates import MIN_PROMPTS, Floats

NUM_DRAWS = 19_999
SEED = 20_251_128
CHUNK = 2_000  # bootstrap draws at once


def argmax_p_values(
    gains: Mapping[str, Sequence[float]],
    bounds: tuple[float, float] | None,
    num_draws: int = NUM_DRAWS,
) -> dict[str, float] | None:
    """For each variant, the p-value against "its true mean is the highest".

    The confidence set of level 1 - a holds the variants with p above a: each variant whose true
    mean is the highest is in it with at least that chance.

    Args:
        gains: variant -> scores, higher is better, one a prompt, with equal prompt order.
        bounds: (-1, 1) for scores that are shares of facts: their differences get a pseudo-prompt
            at each end; None for everything else.
        num_draws: number of draws of the multiplier bootstrap.

    Returns:
        Variant -> p-value. None under 8 prompts, or where two variants differ by the same amount
        on every prompt.

    Raises:
        ValueError: fewer than two variants, unequal numbers of prompts, or a score that is not
            finite.
    """
    p_values = {}
    for variant in gains:
        p_value = highest_p_value(variant, gains, bounds, num_draws)
        if p_value is None:
            return None
        p_values[variant] = p_value
    return p_values


def highest_p_value(
    variant: str,
    gains: Mapping[str, Sequence[float]],
    bounds: tuple[float, float] | None,
    num_draws: int = NUM_DRAWS,
) -> float | None:
    """The p-value of one variant against "its true mean is the highest".

    Arguments, None and errors are those of `argmax_p_values`.
    """
    sizes = {len(values) for values in gains.values()}
    if len(gains) < 2 or len(sizes) != 1:
        raise ValueError(
            f"{len(gains)} variants with {sorted(sizes)} prompts; needed are two variants or more "
            "with the same prompts"
        )
    candidate = np.array(gains[variant], dtype=np.float64)
    others = [values for name, values in gains.items() if name != variant]
    leads = np.array(others, dtype=np.float64).T - candidate[:, None]
    if not np.isfinite(leads).all():
        raise ValueError(f"scores of {', '.join(gains)}: one is NaN or infinite, allowed: finite")
    if len(candidate) < MIN_PROMPTS or (bounds is None and (np.ptp(leads, axis=0) == 0).any()):
        return None
    return max_t_p_values(leads, bounds, [0.0], num_draws)[0]


def max_t_p_values(
    leads: Floats,
    bounds: tuple[float, float] | None,
    shifts: Sequence[float],
    num_draws: int = NUM_DRAWS,
) -> list[float]:
    """For each shift, the p-value of the largest t against "no rival leads by more than that".

    Args:
        leads: `(num_prompts, num_rivals)`: by how much each rival is better on each prompt.
        bounds: as in `argmax_p_values`.
        shifts: in the unit of the scores; 0 asks whether any rival leads.
        num_draws: number of draws of the multiplier bootstrap.
    """
    ends = np.array(bounds or (), dtype=np.float64)[:, None].repeat(leads.shape[1], axis=1)
    padded = np.vstack([leads, ends])
    size = len(padded)
    centers = padded.mean(axis=0)
    deviations = padded - centers
    roots = np.sqrt((deviations**2).sum(axis=0))
    errors = roots / np.sqrt((size - 1) * size)
    statistics = np.array([((centers - shift) / errors).max() for shift in shifts])
    generator = np.random.default_rng(SEED)
    # Normal multipliers of the prompts give normal columns with the same correlations, so one
    # number a rival is drawn instead of one a prompt.
    factor = np.linalg.qr(deviations / roots, mode="r")
    exceeding = np.zeros(len(shifts), dtype=np.int64)
    for start in range(0, num_draws, CHUNK):
        count = min(CHUNK, num_draws - start)
        normal = generator.standard_normal((count, len(factor))) @ factor
        scales = np.sqrt(generator.chisquare(size - 1, size=(count, 1)) / (size - 1))
        highest = (normal / scales).max(axis=1)
        exceeding += (highest[:, None] >= statistics).sum(axis=0)
    return [float(count + 1) / (num_draws + 1) for count in exceeding]
