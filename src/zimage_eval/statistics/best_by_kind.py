"""Whether one level serves every kind of prompt: three questions about effects and kinds.

A kind is a category of prompts; kinds have different prompts. A level's regret is the most that
another level beats it by in any kind. None of the procedures picks a best level and then forgets
that it was picked.
"""

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
from scipy import stats

from zimage_eval.statistics.argmax_sets import NUM_DRAWS, argmax_p_values, max_t_p_values
from zimage_eval.statistics.estimates import MIN_PROMPTS, Floats
from zimage_eval.statistics.multiplicity import holm
from zimage_eval.statistics.studentized import MeanTest, mean_test
from zimage_eval.statistics.words import LEVEL, Rung

NUM_PERMUTATIONS = 9_999
SEED = 20_261_125


class GainsByKind(NamedTuple):
    """Scores of all levels on the same prompts, by kind of prompt."""

    levels: tuple[str, ...]
    kinds: Mapping[str, Floats]
    """Kind -> `(num_prompts, num_levels)`, higher is better; 8 prompts or more in each kind."""
    bounds: tuple[float, float] | None
    """(-1, 1) for shares of facts, whose differences get a pseudo-prompt at each end."""


def gains_by_kind(
    gains: Mapping[str, Mapping[str, float]],
    categories: Mapping[str, str],
    bounds: tuple[float, float] | None,
) -> GainsByKind | None:
    """Gains over one baseline, grouped.

    Args:
        gains: level -> prompt -> gain; the baseline's are 0.
        categories: of each prompt.
        bounds: as in `GainsByKind`.

    Returns:
        None where fewer than two kinds have 8 prompts that are scored in all levels.
    """
    shared = sorted(set.intersection(*(set(scores) for scores in gains.values())))
    prompts: dict[str, list[str]] = {}
    for prompt in shared:
        prompts.setdefault(categories[prompt], []).append(prompt)
    kinds = {
        kind: np.array([[scores[prompt] for scores in gains.values()] for prompt in members])
        for kind, members in sorted(prompts.items())
        if len(members) >= MIN_PROMPTS
    }
    return GainsByKind(tuple(gains), kinds, bounds) if len(kinds) > 1 else None


def best_by_kind(
    table: GainsByKind, margin: float, num_draws: int = NUM_DRAWS
) -> tuple[Rung, ...] | None:
    """The words on "does the best level depend on the kind?".

    The truth is no if one level's regret is below the margin, yes if none's is.

    Returns:
        `more`: every level has a regret of the margin or more. `less`: each is beaten somewhere,
        and one nowhere by the margin. `size_open` (part): each is beaten somewhere. `no`: the
        level that is named is within the margin of the best in every kind. None where levels agree
        too exactly for a test.
    """
    losses = [
        _kind_p_values(table, column, (0.0, margin), num_draws)
        for column in range(len(table.levels))
    ]
    overall = argmax_p_values(
        {
            level: np.concatenate([scores[:, column] for scores in table.kinds.values()]).tolist()
            for column, level in enumerate(table.levels)
        },
        table.bounds,
        num_draws,
    )
    compared = [by_kind for by_kind in losses if by_kind is not None]
    if len(compared) < len(losses) or overall is None:
        return None
    p_any, p_large = (
        max(_union_p_value(by_kind[shift]) for by_kind in compared) for shift in range(2)
    )
    p_no, best = _served(_serving_p_values(table, margin), overall)
    named = ((best, p_no),)
    return (
        Rung("more", p_large, True),
        Rung("less", max(p_any, p_no), True, named),
        Rung("size_open", p_any, False),
        Rung("no", p_no, True, named),
    )


def kinds_that_gain(
    table: GainsByKind, level: str, margin: float, num_draws: int = NUM_DRAWS
) -> tuple[Rung, ...] | None:
    """The words on "do some kinds gain from another level than this one?".

    Returns:
        As `best_by_kind`, of this level's regret alone; `named` are kinds that gain.
    """
    column = table.levels.index(level)
    by_kind = _kind_p_values(table, column, (0.0, margin), num_draws)
    if by_kind is None:
        return None
    any_kind, large_kind = (_holm_items(values) for values in by_kind)
    p_any, p_large = (_union_p_value(values) for values in by_kind)
    p_no = _serving_p_values(table, margin)[level]
    return (
        Rung("more", p_large, True, large_kind),
        Rung("less", max(p_any, p_no), True, any_kind),
        Rung("size_open", p_any, False, any_kind),
        Rung("no", p_no, True),
    )


def effect_varies(
    gains: Mapping[str, float],
    categories: Mapping[str, str],
    margin: float,
    bounds: tuple[float, float] | None,
) -> tuple[Rung, ...] | None:
    """The words on "does the size of this effect depend on the kind?".

    Args:
        gains: prompt -> gain of one arm over another.
        categories: of each prompt.
        margin: a difference between kinds that matters.
        bounds: of the gains.

    Returns:
        `more`: two kinds, which are named, differ by more than the margin. `size_open` (part): they
        are not all equal. `no`: all kinds are within the margin of each other. None where no two
        kinds have 8 prompts with a spread.
    """
    values: dict[str, list[float]] = {}
    for prompt in sorted(gains):
        values.setdefault(categories[prompt], []).append(gains[prompt])
    tests = {kind: mean_test(members, bounds) for kind, members in sorted(values.items())}
    known = {kind: test for kind, test in tests.items() if test is not None}
    if len(known) < 2:
        return None
    ordered = list(permutations(known, 2))
    large = holm([difference_p_value(known[a], known[b], margin) for a, b in ordered])
    near = max(1 - difference_p_value(known[a], known[b], margin) for a, b in ordered)
    pairs = tuple((f"{a} > {b}", p) for (a, b), p in zip(ordered, large, strict=True))
    kept = [prompt for prompt in sorted(gains) if categories[prompt] in known]
    varies = permuted_p_value(
        np.array([gains[prompt] for prompt in kept]), [categories[prompt] for prompt in kept]
    )
    return (
        Rung("more", min(large), True, pairs),
        Rung("less", max(varies, near), True),
        Rung("size_open", varies, False),
        Rung("no", near, True),
    )


def difference_p_value(first: MeanTest, second: MeanTest, null: float) -> float:
    """One-sided Welch test against "first minus second is at most `null`", independent prompts."""
    variances = np.array([first.error**2, second.error**2])
    degrees = variances.sum() ** 2 / (variances**2 / [first.degrees, second.degrees]).sum()
    distance = (first.center - second.center - null) / np.sqrt(variances.sum())
    return float(stats.t.sf(distance, degrees))


def permuted_p_value(values: Floats, kinds: Sequence[str]) -> float:
    """Against "all kinds have the same mean", by permutation of the prompts over the kinds.

    Each kind's mean counts in its own error: differences of one kind may scatter more than those
    of another without being any larger on average (Pauly, Brunner and Konietschke 2015).
    """
    _, labels, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    belongs, sizes = np.eye(len(counts))[labels], counts.astype(np.float64)
    generator = np.random.default_rng(SEED)
    orders = generator.permuted(np.tile(np.arange(len(values)), (NUM_PERMUTATIONS, 1)), axis=1)
    observed = _welch(values[None], belongs, sizes)[0]
    permuted = _welch(values[orders], belongs, sizes)
    # Rounding must not tell apart what permutes into the same sums.
    exceeding = int((permuted >= observed * (1 - 1e-9)).sum())
    return (exceeding + 1) / (NUM_PERMUTATIONS + 1)


def _union_p_value(by_kind: Mapping[str, float]) -> float:
    """The smallest p-value of several kinds, whose prompts are disjoint, by Sidak."""
    return 1 - (1 - min(by_kind.values())) ** len(by_kind)


def _kind_p_values(
    table: GainsByKind, column: int, shifts: Sequence[float], num_draws: int
) -> list[dict[str, float]] | None:
    """For each shift: kind -> p-value against "no level beats this one by more than the shift"."""
    p_values: list[dict[str, float]] = [{} for _ in shifts]
    for kind, scores in table.kinds.items():
        leads = np.delete(scores, column, axis=1) - scores[:, [column]]
        if table.bounds is None and (np.ptp(leads, axis=0) == 0).any():
            return None
        by_shift = max_t_p_values(leads, table.bounds, shifts, num_draws)
        for values, p_value in zip(p_values, by_shift, strict=True):
            values[kind] = p_value
    return p_values


def _serving_p_values(table: GainsByKind, margin: float) -> dict[str, float]:
    """Level -> p-value against "in some kind another level beats it by the margin or more"."""
    p_values = {}
    for column, level in enumerate(table.levels):
        tests = [
            mean_test((scores[:, rival] - scores[:, column]).tolist(), table.bounds)
            for scores in table.kinds.values()
            for rival in range(len(table.levels))
            if rival != column
        ]
        p_values[level] = max(1.0 if test is None else test.p_below(margin) for test in tests)
    return p_values


def _served(serves: Mapping[str, float], overall: Mapping[str, float]) -> tuple[float, str]:
    """The p-value of "one level serves every kind", and that level.

    Candidates are the levels that may be the best over all prompts (95 % set); a wrong "no" would
    need one of them to pass by chance, so the smallest p-value counts as often as there are
    candidates. Testing the one that looks best alone says a wrong "no" in 8 % of the cases where
    two levels tie and each loses the margin in one kind.
    """
    candidates = [level for level in serves if overall[level] > LEVEL]
    best = min(candidates, key=lambda level: serves[level])
    return min(1.0, len(candidates) * serves[best]), best


def _holm_items(p_values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(zip(p_values, holm(list(p_values.values())), strict=True))


def _welch(values: Floats, belongs: Floats, counts: Floats) -> Floats:
    """Squared distances of the kinds' means in their own errors, one a row of `values`.

    One more value of everybody's variance keeps a kind whose prompts all agree from an error of 0.

    Args:
        values: `(orders, prompts)`.
        belongs: `(prompts, kinds)`, 1 where a prompt is of a kind.
        counts: `(kinds,)`.
    """
    centered = values - values.mean(axis=1, keepdims=True)
    means = centered @ belongs / counts
    squares = centered**2 @ belongs - counts * means**2
    everybody = (centered**2).mean(axis=1, keepdims=True)
    if not everybody.any():
        return np.zeros(len(values))
    weights = counts**2 / (squares + everybody)
    shared = (weights * means).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    distances: Floats = (weights * (means - shared) ** 2).sum(axis=1)
    return distances
