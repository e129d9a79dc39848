"""Planning before a run: which margins a number of prompts resolves, and how many one needs.

The standard deviation is always the planned one of the paired difference over prompts. With a
margin that grows with the measured spread, the variants of any noisy judge would be equivalent.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from statistics import NormalDist
from typing import NamedTuple

SIGNIFICANCE_LEVEL, POWER = 0.05, 0.80
EQUIVALENCE_LEVEL = 0.05
"""Level of each of the two one-sided tests of equivalence."""
MAX_PROMPTS = 10_000_000
LOSS_OF_A_RUINED_PROMPT = 0.55
"""In alignment, in calibration/bank.parquet. An arm that loses a mean of d ruins a share of the
prompts, so the variance of its differences grows by d times this."""
NUM_KINDS = 4


class PlannedWords(NamedTuple):
    """The fewest prompts with which a word is said with 80 % power, by the truth that it is of."""

    no_difference: int
    """Of no difference; "keep it" of a tie takes as many."""
    yes: int
    """Of a difference of the margin, at any size."""
    by_more: int
    """Of a difference of two margins."""
    by_less: int
    """Of a difference of half a margin."""
    best_by_kind_no: int
    """One level serves all four kinds of prompts, and another ties with it."""
    best_by_kind_yes: int
    """Another level is better by two margins in one kind of four."""


def plan_words(standard_deviation: float, margin: float, *, is_judged: bool) -> PlannedWords:
    """The prompts that each word takes, in normal approximation.

    Args:
        standard_deviation: of the paired difference over prompts where nothing differs.
        margin: above 0, in the unit of the standard deviation.
        is_judged: whether the scores are shares of facts, whose tests assume a larger spread and
            whose spread grows with the difference.
    """
    if not margin > 0:
        raise ValueError(f"a margin is above 0, not {margin}")
    spread = _Spread(standard_deviation, margin, is_judged)
    inside, beyond = spread.inside, spread.beyond
    kinds_level = 1 - (1 - SIGNIFICANCE_LEVEL) ** (1 / NUM_KINDS)
    half, double = margin / 2, 2 * margin
    return PlannedWords(
        no_difference=_fewest(lambda n: 2 * inside(n, 0.0, EQUIVALENCE_LEVEL) - 1),
        yes=_fewest(lambda n: beyond(n, margin, margin, SIGNIFICANCE_LEVEL / 2)),
        by_more=_fewest(lambda n: beyond(n, double, margin, SIGNIFICANCE_LEVEL / 2)),
        by_less=_fewest(
            lambda n: (
                (beyond(n, half, half, SIGNIFICANCE_LEVEL / 2) + inside(n, half, EQUIVALENCE_LEVEL))
                - 1
            )
        ),
        # Two levels may serve, so each is tested at half of the level.
        best_by_kind_no=NUM_KINDS
        * _fewest(lambda n: inside(n, 0.0, EQUIVALENCE_LEVEL / 2) ** NUM_KINDS),
        best_by_kind_yes=NUM_KINDS * _fewest(lambda n: beyond(n, double, double, kinds_level)),
    )


class _Spread(NamedTuple):
    """Of the differences, by the true one."""

    deviation: float
    margin: float
    is_judged: bool

    def inside(self, num_prompts: int, truth: float, level: float) -> float:
        """The power of the one-sided test that a difference is below the margin."""
        true, tested = self._deviations(num_prompts, truth)
        if self.is_judged:
            tested = max(tested, math.sqrt(max(self.margin * (1 - self.margin), 0.0)))
        return _power(num_prompts, self.margin - truth, level, tested, true)

    def beyond(self, num_prompts: int, truth: float, distance: float, level: float) -> float:
        """The power of the one-sided test against a null that is that far from the truth."""
        true, tested = self._deviations(num_prompts, truth)
        return _power(num_prompts, distance, level, tested, true)

    def _deviations(self, num_prompts: int, truth: float) -> tuple[float, float]:
        grown = LOSS_OF_A_RUINED_PROMPT * truth if self.is_judged else 0.0
        true = math.sqrt(self.deviation**2 + grown)
        return true, deviation_under_test(true, num_prompts, is_judged=self.is_judged)


def _power(num_prompts: int, distance: float, level: float, tested: float, true: float) -> float:
    normal = NormalDist()
    reach = distance * math.sqrt(num_prompts) - normal.inv_cdf(1 - level) * tested
    return normal.cdf(reach / true) if true else float(reach > 0)


def _fewest(power: Callable[[int], float]) -> int:
    return 1 + bisect_left(range(1, MAX_PROMPTS + 1), POWER, key=power)


def smallest_effect(standard_deviation: float, num_prompts: int) -> float:
    """The true mean difference that a paired test finds with 80 % power at a two-sided 5 % level.

    `(z(0.975) + z(0.80)) * standard_deviation / sqrt(num_prompts)`, where the standard deviation is
    of the paired difference over prompts. Only prompts count, not their seeds: a study with several
    seeds a prompt can see slightly smaller differences.
    """
    normal = NormalDist()
    quantiles = normal.inv_cdf(1 - SIGNIFICANCE_LEVEL / 2) + normal.inv_cdf(POWER)
    return quantiles * standard_deviation / math.sqrt(num_prompts)


def deviation_under_test(standard_deviation: float, num_prompts: int, *, is_judged: bool) -> float:
    """The standard deviation that the tests of `studentized.MeanTest` work with.

    For shares of facts (`is_judged`) the pseudo-prompts at +1 and -1 add 2 / num_prompts to the
    variance, so that rare differences don't look more certain than they are: with 128 prompts a
    standard deviation of 0.25 becomes 0.28.
    """
    return math.sqrt(standard_deviation**2 + (2 / num_prompts if is_judged else 0))


def smallest_margin(standard_deviation: float, num_prompts: int, *, is_judged: bool) -> float:
    """The margin that this size resolves, in the unit of the standard deviation.

    A true difference as large as this margin is told from 0 with 80 % power (two-sided 5 %, as in
    `studies.plan`), and a true difference of 0 is shown equivalent with 80 % power: `z(0.95) +
    z(0.90)` standard errors (Schuirmann 1987; Julious 2004). The number of claims is not corrected
    for.

    Args:
        standard_deviation: planned, of the paired difference over prompts, one number a prompt.
        num_prompts: of the phase that the claim reads.
        is_judged: whether the scores are shares of facts, whose tests assume a larger spread.
    """
    deviation = deviation_under_test(standard_deviation, num_prompts, is_judged=is_judged)
    normal = NormalDist()
    level, power = normal.inv_cdf(1 - EQUIVALENCE_LEVEL), normal.inv_cdf((1 + POWER) / 2)
    margin = max(
        smallest_effect(deviation, num_prompts),
        (level + power) * deviation / math.sqrt(num_prompts),
    )
    # Against a margin m, the tests of shares assume a variance of m - m^2 or more.
    for _ in range(100 * is_judged):
        assumed = max(deviation, math.sqrt(max(margin * (1 - margin), 0)))
        margin = max(margin, (level * assumed + power * deviation) / math.sqrt(num_prompts))
    return margin


def num_prompts_needed(standard_deviation: float, margin: float, *, is_judged: bool) -> int:
    """The smallest number of prompts that resolves a margin.

    Raises:
        ValueError: the margin is not above 0, or needs more than ten million prompts.
    """
    if not margin > 0:
        raise ValueError(f"a margin is above 0, not {margin}")
    needed = 1 + bisect_left(
        range(1, MAX_PROMPTS + 1),
        -margin,
        key=lambda n: -smallest_margin(standard_deviation, n, is_judged=is_judged),
    )
    if needed > MAX_PROMPTS:
        raise ValueError(f"a margin of {margin:g} takes more than {MAX_PROMPTS} prompts")
    return needed
