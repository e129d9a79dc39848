"""Which margins a number of prompts resolves, before anything runs.

The standard deviation is always the planned one, over prompts, of the paired difference. A margin
that followed the spread that was seen would call the variants of any noisy judge equivalent.
"""

import math
from bisect import bisect_left
from statistics import NormalDist

FALSE_ALARM, POWER = 0.05, 0.80
LEVEL = 0.05
"""Of each of the two one-sided tests of equivalence."""
MOST_PROMPTS = 10_000_000


def smallest_effect(standard_deviation: float, num_prompts: int) -> float:
    """The true mean difference that a paired test finds with 80 % power at a two-sided 5 %.

    `(z(0.975) + z(0.80)) * standard_deviation / sqrt(num_prompts)`, where the standard deviation is
    of the paired difference over prompts. Prompts are the clusters: more seeds a prompt are not
    counted, so with several seeds the study sees a little more than this.
    """
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - FALSE_ALARM / 2) + normal.inv_cdf(POWER)
    return quantiles * standard_deviation / math.sqrt(num_prompts)


def deviation_under_test(standard_deviation: float, num_prompts: int, *, is_judged: bool) -> float:
    """The standard deviation that the tests of `pivots` see.

    For shares of facts the pseudo-prompts at +1 and -1 add 2 / num_prompts to the variance, which
    is what keeps sparse differences honest: 128 prompts see 0.28 where the differences have 0.25.
    """
    return math.sqrt(standard_deviation**2 + (2 / num_prompts if is_judged else 0))


def smallest_margin(standard_deviation: float, num_prompts: int, *, is_judged: bool) -> float:
    """The margin that this size resolves, in the unit of the standard deviation.

    At it, a true difference as large is told from 0 with 80 % power (two-sided 5 %, as in `plan`),
    and a true difference of 0 is shown equivalent with 80 % power: `z(0.95) + z(0.90)` standard
    errors (Schuirmann 1987; Julious 2004). Before any correction for how many claims there are.

    Args:
        standard_deviation: planned, of the paired difference over prompts, one number a prompt.
        num_prompts: in the phase that the claim reads.
        is_judged: for shares of facts, whose tests assume a larger spread.
    """
    seen = deviation_under_test(standard_deviation, num_prompts, is_judged=is_judged)
    normal = NormalDist()
    level, power = normal.inv_cdf(1 - LEVEL), normal.inv_cdf((1 + POWER) / 2)
    margin = max(
        smallest_effect(seen, num_prompts), (level + power) * seen / math.sqrt(num_prompts)
    )
    for _ in range(100 * is_judged):  # against m, shares are given at least the variance m - m^2
        assumed = max(seen, math.sqrt(max(margin * (1 - margin), 0)))
        margin = max(margin, (level * assumed + power * seen) / math.sqrt(num_prompts))
    return margin


def num_prompts_needed(standard_deviation: float, margin: float, *, is_judged: bool) -> int:
    """The fewest prompts that resolve a margin.

    Raises:
        ValueError: the margin is not above 0, or takes more than ten million prompts.
    """
    if not margin > 0:
        raise ValueError(f"a margin is above 0, not {margin}")
    needed = 1 + bisect_left(
        range(1, MOST_PROMPTS + 1),
        -margin,
        key=lambda n: -smallest_margin(standard_deviation, n, is_judged=is_judged),
    )
    if needed > MOST_PROMPTS:
        raise ValueError(f"a margin of {margin:g} takes more than {MOST_PROMPTS} prompts")
    return needed


def check_margin(
    margin: float, standard_deviation: float, num_prompts: int, *, is_judged: bool
) -> None:
    """Refuse a margin that the planned size does not resolve.

    Raises:
        ValueError: names the smallest margin of this size, and the size that this margin needs.
    """
    needed = num_prompts_needed(standard_deviation, margin, is_judged=is_judged)
    if needed > num_prompts:
        smallest = smallest_margin(standard_deviation, num_prompts, is_judged=is_judged)
        raise ValueError(
            f"a margin of {margin:g} is below the {smallest:.3g} that {num_prompts} prompts "
            f"resolve; it needs {needed}"
        )
