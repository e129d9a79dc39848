"""Distances that pair nothing but prompts: against loops over pairs, and where nothing differs."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from zimage_eval.benchmarks.guidance.distances import (
    Floats,
    distances_given_prompt,
    distances_over_prompts,
    gap_matrix,
    grouped_pseudo_values,
    linear_kernel,
    polynomial_kernel,
)
from zimage_eval.metrics.sets.kernel import polynomial_mmd

NUM_NOISES = 3


def draw(seed: int, num_prompts: int = 6, shift: float = 0.0, num_features: int = 4) -> Floats:
    """Pictures about their prompts' own means, which all seeds share."""
    means = np.random.default_rng(99).normal(size=(num_prompts, 1, num_features))
    noise = np.random.default_rng(seed).normal(size=(num_prompts, NUM_NOISES, num_features))
    return np.asarray(means + noise + shift)


def k(x: Floats, y: Floats) -> float:
    return float((x @ y / len(x) + 1) ** 3)


def mean_of(pairs: list[tuple[Floats, Floats]]) -> float:
    return float(np.mean([k(x, y) for x, y in pairs]))


def test_given_the_prompt_is_the_unbiased_mmd_of_each_prompt() -> None:
    first, second = draw(1), draw(2, shift=0.5)
    found = distances_given_prompt(gap_matrix(first, second, polynomial_kernel))
    for own, other, value in zip(first, second, found, strict=True):
        assert value == pytest.approx(polynomial_mmd(own, other))


def test_over_prompts_is_the_mmd_without_pairs_of_one_prompt() -> None:
    first, second = draw(1), draw(2, shift=0.5)
    values = distances_over_prompts(gap_matrix(first, second, polynomial_kernel))
    apart = [(p, q) for p, q in product(range(6), range(6)) if p != q]

    def pairs(one: Floats, other: Floats) -> list[tuple[Floats, Floats]]:
        return [(x, y) for p, q in apart for x, y in product(one[p], other[q])]

    whole = mean_of(pairs(first, first)) + mean_of(pairs(second, second))
    assert values.mean() == pytest.approx(whole - 2 * mean_of(pairs(first, second)))


def test_over_prompts_are_the_jackknifes_pseudo_values() -> None:
    first, second = draw(3), draw(4, shift=0.2)

    def whole(kept: list[int]) -> float:
        gaps = gap_matrix(first[kept], second[kept], polynomial_kernel)
        return float(distances_over_prompts(gaps).mean())

    everyone = list(range(6))
    expected = [6 * whole(everyone) - 5 * whole([q for q in everyone if q != p]) for p in everyone]
    found = distances_over_prompts(gap_matrix(first, second, polynomial_kernel))
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("of", [distances_given_prompt, distances_over_prompts])
def test_two_samples_of_one_distribution_are_at_zero(of: Callable[[Floats], Floats]) -> None:
    means = [of(gap_matrix(draw(2 * i), draw(2 * i + 1), linear_kernel)).mean() for i in range(300)]
    assert abs(np.mean(means)) < 3 * np.std(means) / np.sqrt(len(means))


@pytest.mark.parametrize("of", [distances_given_prompt, distances_over_prompts])
def test_with_a_linear_kernel_it_is_the_squared_distance_of_means(
    of: Callable[[Floats], Floats],
) -> None:
    gaps = gap_matrix(draw(1, 400), draw(2, 400, shift=0.5), linear_kernel)
    assert of(gaps).mean() == pytest.approx(4 * 0.5**2, abs=0.25)


def test_pseudo_values_of_a_difference_of_means_are_the_groups_differences() -> None:
    first, second = draw(1, 12), draw(2, 12, shift=0.5)
    found = grouped_pseudo_values(
        lambda one, other: float(one.mean() - other.mean()), first, second, num_groups=4
    )
    expected = [(first[g::4].mean() - second[g::4].mean()) for g in range(4)]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (draw(1), draw(1, 5), "need one shape"),
        (draw(1)[:, :1], draw(1)[:, :1], "2 noises are needed, not 6 prompts and 1 noises"),
        (draw(1) * np.inf, draw(1), "NaN or infinite"),
    ],
)
def test_what_has_no_distance_is_refused(first: Floats, second: Floats, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gap_matrix(first, second, linear_kernel)


def test_more_groups_than_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="num_groups is 9: allowed are 2 to 6"):
        grouped_pseudo_values(lambda one, other: 0.0, draw(1), draw(2), num_groups=9)
