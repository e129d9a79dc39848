"""A mean over prompts as a pivot: intervals and one-sided p-values that agree with each other.

Shares of facts are judged by Student's t with a pseudo-prompt at each end of their range, as in
`statistics.estimate`. Everything unbounded is judged by the studentized bootstrap (Efron 1981;
Hall 1988, "Theoretical comparison of bootstrap confidence intervals"), seeded, so that equal values
give equal numbers. Its quantiles are never taken shorter than Student's: with few prompts the
bootstrap sees too little of a tail. 95 % intervals of skewed values then cover 93 % and more from
8 prompts on; of lognormal ones, 90 % with 8 prompts and 94 % with 32.

A test of shares against a margin m uses the spread that is needed to have a mean of m at all, where
that is larger than the one seen: of differences -1, 0 and 1 the variance is then at least m - m^2.
That is the idea of Tango's score test (1998). Without it, a variant that ruins one prompt in ten
and leaves the others alone passes for equivalent several times too often.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from zimage_eval.statistics.estimates import MIN_PROMPTS, Floats

NUM_RESAMPLES = 19_999
"""Their smallest p-value, 1/20,000, survives Holm over a report of a hundred claims."""
SEED = 20_251_127
CHUNK = 2_000  # resamples at once: 512 prompts then take 8 MB


class MeanTest(NamedTuple):
    """What intervals and tests of one mean need: `(center - truth) / error` has a known spread."""

    num_prompts: int
    mean: float
    """The prompts' own."""
    center: float
    """Of the interval; drawn towards the middle of the range by the pseudo-prompts."""
    error: float
    """Standard error of the center, above 0."""
    degrees: int
    """Degrees of freedom of Student's t."""
    draws: Floats
    """Sorted bootstrap t-statistics; empty where Student's t alone is used."""
    bounds: tuple[float, float]
    """What the mean can't leave; infinite for unbounded metrics."""

    def interval(self, confidence: float) -> tuple[float, float]:
        """Two-sided interval of the true mean, in the unit of the values; never of zero width."""
        tail = (1 - confidence) / 2
        reach = float(stats.t.ppf(1 - tail, self.degrees))
        upper = lower = reach
        if len(self.draws):
            upper = max(reach, float(np.quantile(self.draws, 1 - tail, method="higher")))
            lower = max(reach, -float(np.quantile(self.draws, tail, method="lower")))
        low, high = self.bounds
        return max(self.center - upper * self.error, low), min(
            self.center + lower * self.error, high
        )

    def p_above(self, null: float) -> float:
        """One-sided p-value against "the true mean is at most `null`"; small speaks for above."""
        statistic, *scores = self._statistics(null)
        exceeding = len(self.draws) - int(np.searchsorted(self.draws, statistic, side="left"))
        p_value = float(stats.t.sf(min([statistic, *scores]), self.degrees))
        return max(p_value, self._share(exceeding))

    def p_below(self, null: float) -> float:
        """One-sided p-value against "the true mean is at least `null`"; small speaks for below."""
        statistic, *scores = self._statistics(null)
        exceeding = int(np.searchsorted(self.draws, statistic, side="right"))
        p_value = float(stats.t.cdf(max([statistic, *scores]), self.degrees))
        return max(p_value, self._share(exceeding))

    def _statistics(self, null: float) -> list[float]:
        """Distance from `null` in the errors seen; in the least that a mean of `null` comes with.

        There is no second one for unbounded values, nor for a null of 0.
        """
        statistics = [(self.center - null) / self.error]
        end = self.bounds[1]
        distance = min(abs(null), end)
        if -self.bounds[0] == end < np.inf and 0 < distance < end:
            least = distance * (end - distance) / self.num_prompts
            statistics.append((self.mean - null) / float(np.sqrt(least)))
        return statistics

    def _share(self, count: int) -> float:
        return (count + 1) / (len(self.draws) + 1) if len(self.draws) else 0.0


def mean_test(
    values: Sequence[float],
    bounds: tuple[float, float] | None,
    num_resamples: int = NUM_RESAMPLES,
) -> MeanTest | None:
    """The pivot of a mean over prompts, or None where no spread can be estimated.

    Args:
        values: finite, one a prompt, in a fixed order.
        bounds: ends of the range for shares of facts, (-1, 1) for their differences; None for
            everything else.
        num_resamples: bootstrap resamples for unbounded values.

    Returns:
        None under 8 prompts; where unbounded values all agree (compare by equality then); and where
        they tie so often that most resamples have no spread.

    Raises:
        ValueError: a value is NaN or infinite, or outside the bounds.
    """
    own = np.asarray(values, dtype=np.float64)
    low, high = bounds or (-np.inf, np.inf)
    if not np.isfinite(own).all() or (own < low).any() or (own > high).any():
        raise ValueError(f"values are finite and in [{low}, {high}], not {own.tolist()}")
    if len(own) < MIN_PROMPTS or (bounds is None and np.ptp(own) == 0):
        return None
    spread_of = np.concatenate([own, bounds or ()])
    size = len(spread_of)
    error = float(spread_of.std(ddof=1) / np.sqrt(size))
    draws = np.empty(0) if bounds else _resample(own, num_resamples)
    if draws is None or error == 0:
        return None
    mean, center = float(own.mean()), float(spread_of.mean())
    return MeanTest(len(own), mean, center, error, size - 1, draws, (low, high))


def _resample(values: Floats, num_resamples: int) -> Floats | None:
    """Sorted t-statistics of resampled prompts; None if 1 % of the resamples have no spread."""
    generator = np.random.default_rng(SEED)
    size = len(values)
    centered = values - values.mean()
    draws = []
    for start in range(0, num_resamples, CHUNK):
        count = min(CHUNK, num_resamples - start)
        sample = centered[generator.integers(size, size=(count, size))]
        errors = sample.std(axis=1, ddof=1) / np.sqrt(size)
        has_spread = np.ptp(sample, axis=1) > 0
        means = sample.mean(axis=1)
        # A resample without spread lies infinitely far out: on the side of its mean.
        far = np.where(means < 0, -np.inf, np.inf)
        draws.append(np.where(has_spread, means / np.where(has_spread, errors, 1.0), far))
    statistics = np.sort(np.concatenate(draws))
    return statistics if np.isinf(statistics).mean() < 0.01 else None
