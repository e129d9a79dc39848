"""Which variants of a grid may be the best one: a simultaneous confidence set of the argmax.

A variant stays in the set unless some other one beats it by more than chance would have the best of
them do. That is a max-t test a variant, inverted: comparisons with the best (Hsu 1981), with the
multiplier bootstrap of Chernozhukov, Chetverikov and Kato 2013 for the maximum, as Mogstad, Romano,
Shaikh and Wilhelm 2024 use it for ranks. Each draw is divided by the root of a chi-squared share,
as in a multivariate t (Hothorn, Bretz and Westfall 2008): for two variants this is the t test.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from zimage_eval.statistics.estimates import MIN_PROMPTS, Floats

NUM_DRAWS = 19_999
SEED = 20_251_128
CHUNK = 2_000


def argmax_p_values(
    gains: Mapping[str, Sequence[float]],
    bounds: tuple[float, float] | None,
    num_draws: int = NUM_DRAWS,
) -> dict[str, float] | None:
    """For each variant, the p-value against "its true mean is the highest".

    The confidence set of level 1 - a holds the variants with p above a: each variant whose true
    mean is the highest is in it with at least that chance.

    Args:
        gains: variant -> score, above is better, of the same prompts in the same order.
        bounds: (-1, 1) where differences of two variants' scores are those of shares of facts, and
            get a pseudo-prompt at each end; None for everything else.
        num_draws: of the multiplier bootstrap.

    Returns:
        None under 8 prompts, or where two variants differ by the same on every prompt.

    Raises:
        ValueError: fewer than two variants, or unequal numbers of prompts, or a score not finite.
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
    """The p-value of one variant against "its true mean is the highest", as `argmax_p_values`."""
    sizes = {len(values) for values in gains.values()}
    if len(gains) < 2 or len(sizes) != 1:
        raise ValueError(f"needs two variants with the same prompts, not {len(gains)} of {sizes}")
    own = np.array(gains[variant], dtype=np.float64)
    others = [values for name, values in gains.items() if name != variant]
    leads = np.array(others, dtype=np.float64).T - own[:, None]
    if not np.isfinite(leads).all():
        raise ValueError("a score is NaN or infinite")
    if len(own) < MIN_PROMPTS or (bounds is None and (np.ptp(leads, axis=0) == 0).any()):
        return None
    return _max_t(leads, bounds, num_draws)


def _max_t(leads: Floats, bounds: tuple[float, float] | None, num_draws: int) -> float:
    """P-value of the largest t over the columns of `leads` (prompts, rivals) against means <= 0."""
    ends = np.array(bounds or (), dtype=np.float64)[:, None].repeat(leads.shape[1], axis=1)
    spread_of = np.vstack([leads, ends])
    size = len(spread_of)
    centers = spread_of.mean(axis=0)
    deviations = spread_of - centers
    roots = np.sqrt((deviations**2).sum(axis=0))
    errors = roots / np.sqrt((size - 1) * size)
    statistic = float((centers / errors).max())
    generator = np.random.default_rng(SEED)
    # Normal multipliers of the prompts make normal columns with the same correlations: drawn by as
    # many numbers as there are columns, not prompts.
    factor = np.linalg.qr(deviations / roots, mode="r")
    exceeding = 0
    for start in range(0, num_draws, CHUNK):
        count = min(CHUNK, num_draws - start)
        normal = generator.standard_normal((count, len(factor))) @ factor
        scales = np.sqrt(generator.chisquare(size - 1, size=(count, 1)) / (size - 1))
        exceeding += int(((normal / scales).max(axis=1) >= statistic).sum())
    return (exceeding + 1) / (num_draws + 1)
