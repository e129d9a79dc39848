"""Which margins a number of prompts resolves, before anything runs.

The standard deviation is always the planned one, over prompts, of the paired difference. A margin
that followed the spread that was seen would call the variants of any noisy judge equivalent.
"""

import math
from statistics import NormalDist

from zimage_eval.plan import POWER, smallest_effect

INSIDE = 0.05
"""Level of each of the two one-sided tests of equivalence."""


def smallest_margin(standard_deviation: float, num_prompts: int) -> float:
    """The margin that this size resolves, in the unit of the standard deviation.

    At it, a true difference as large is told from 0 with 80 % power (two-sided 5 %, as in `plan`),
    and a true difference of 0 is shown equivalent with 80 % power: `z(0.95) + z(0.90)` standard
    errors (Schuirmann 1987; Julious 2004), the larger of the two. Before any correction for how
    many claims there are.
    """
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - INSIDE) + normal.inv_cdf((1 + POWER) / 2)
    equivalence = quantiles * standard_deviation / math.sqrt(num_prompts)
    return max(smallest_effect(standard_deviation, num_prompts), equivalence)


def num_prompts_needed(standard_deviation: float, margin: float) -> int:
    """The fewest prompts that resolve a margin.

    Raises:
        ValueError: the margin is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"a margin is above 0, not {margin}")
    return max(1, math.ceil((smallest_margin(standard_deviation, 1) / margin) ** 2 - 1e-9))


def check_margin(margin: float, standard_deviation: float, num_prompts: int) -> None:
    """Refuse a margin that the planned size does not resolve.

    Raises:
        ValueError: names the smallest margin of this size, and the size that this margin needs.
    """
    needed = num_prompts_needed(standard_deviation, margin)
    if needed > num_prompts:
        smallest = smallest_margin(standard_deviation, num_prompts)
        raise ValueError(
            f"a margin of {margin:g} is below the {smallest:.3g} that {num_prompts} prompts "
            f"resolve; it needs {needed}"
        )
