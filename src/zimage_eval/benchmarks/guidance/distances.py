"""Distances between the pictures that two models draw of the same prompts, as means over prompts.

Both distances are the unbiased squared MMD. Pictures are paired by prompt only, because each starts
from its own noise. Over all prompts together the distance is KID. Given the prompt, it tests if the
two models' pictures of one prompt come from one distribution, and so it detects differences that
cancel over prompts. But it is by far the noisier one: the few pictures of a prompt make few pairs,
while all prompts together make a million.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zimage_eval.statistics.estimates import Floats

DistanceKernel = Callable[[Floats, Floats], Floats]
"""`(n, num_features)`, `(m, num_features)` -> `(n, m)`."""
MIN_NOISES: Final = 2
"""Fewest noises per prompt, each with a picture, that show how pictures of a prompt vary."""


def polynomial_kernel(first: Floats, second: Floats) -> Floats:
    """KID's `(x·y / num_features + 1)³` (Bińkowski et al. 2018)."""
    kernel: Floats = (first @ second.T / first.shape[1] + 1) ** 3
    return kernel


def linear_kernel(first: Floats, second: Floats) -> Floats:
    """`x·y`: the distance is then the squared distance of two means, for example of frequencies."""
    kernel: Floats = first @ second.T
    return kernel


def gap_matrix(first: Floats, second: Floats, kernel: DistanceKernel) -> Floats:
    """The symmetric matrix `(num_prompts, num_prompts)` whose means are both distances.

    An entry off the diagonal is `k(x, x') + k(y, y') - k(x, y') - k(y, x')` of two prompts,
    averaged over their noises. On the diagonal, x and x' are different pictures of one prompt.

    Args:
        first: features of one model, `(num_prompts, num_noises, num_features)`.
        second: features of another model, of the same prompts in the same order.
        kernel: similarity of pictures.

    Raises:
        ValueError: the shapes differ, there are fewer than two prompts or two noises, or a feature
            is not finite.
    """
    if first.shape != second.shape or first.ndim != 3:
        raise ValueError(
            "both features need one shape (num_prompts, num_noises, num_features), "
            f"not {first.shape} and {second.shape}"
        )
    num_prompts, num_noises, _ = first.shape
    if num_prompts < 2 or num_noises < MIN_NOISES:
        raise ValueError(
            f"at least 2 prompts and {MIN_NOISES} noises are needed, "
            f"not {num_prompts} prompts and {num_noises} noises"
        )
    sets = [
        features.astype(np.float64).reshape(num_prompts * num_noises, -1)
        for features in (first, second)
    ]
    if not all(np.isfinite(features).all() for features in sets):
        raise ValueError("a feature is NaN or infinite")
    total = np.zeros((num_prompts, num_prompts))
    for features in sets:
        values = kernel(features, features)
        sums = _by_prompt(values, num_prompts)
        same = np.diag(values).reshape(num_prompts, num_noises).sum(axis=1)
        within = (np.diag(sums) - same) / (num_noises * (num_noises - 1))
        means = sums / num_noises**2
        np.fill_diagonal(means, within)
        total += means
    across = _by_prompt(kernel(*sets), num_prompts) / num_noises**2
    return total - across - across.T


def distances_given_prompt(gaps: Floats) -> Floats:
    """`(num_prompts,)`: the squared MMD of each prompt.

    It is unbiased: without a difference it is below 0 about as often as above.
    """
    return np.diag(gaps).copy()


def distances_over_prompts(gaps: Floats) -> Floats:
    """`(num_prompts,)` whose mean is KID of all pictures, without pairs of one prompt.

    They are the jackknife's pseudo-values (Tukey 1958) of this U-statistic, so that the interval of
    a mean over prompts applies to them. Without a difference they overstate the spread.

    Raises:
        ValueError: there are fewer than three prompts.
    """
    size = len(gaps)
    if size < 3:
        raise ValueError(f"{size} prompts: at least 3 are needed, because one is left out in turn")
    rows = gaps.sum(axis=1) - np.diag(gaps)
    total = rows.sum()
    values: Floats = total / (size - 1) - (total - 2 * rows) / (size - 2)
    return values


def grouped_pseudo_values(
    distance: Callable[[Floats, Floats], float], first: Floats, second: Floats, num_groups: int
) -> Floats:
    """`(num_groups,)`: jackknife pseudo-values of a distance of two sets, over groups of prompts.

    Args:
        distance: distance of two `(num_images, num_features)`.
        first: features of one model, `(num_prompts, num_noises, num_features)`.
        second: features of another model, of the same prompts.
        num_groups: prompts are dealt to the groups in turn, so that each holds all categories.

    Raises:
        ValueError: there are fewer than two groups, or fewer prompts than groups.
    """
    size = len(first)
    if not 2 <= num_groups <= size:
        raise ValueError(
            f"num_groups is {num_groups}: allowed are 2 to {size}, the number of prompts"
        )
    group = np.arange(size) % num_groups

    def distance_within(kept: Sequence[bool] | NDArray[np.bool_]) -> float:
        return distance(
            *(features[kept].reshape(-1, features.shape[-1]) for features in (first, second))
        )

    whole = distance_within(np.ones(size, dtype=bool))
    without_group = np.array([distance_within(group != number) for number in range(num_groups)])
    return num_groups * whole - (num_groups - 1) * without_group


def _by_prompt(values: Floats, num_prompts: int) -> Floats:
    """`(num_prompts, num_prompts)`: a kernel matrix summed over the noises of both prompts."""
    num_noises = len(values) // num_prompts
    shape = (num_prompts, num_noises, num_prompts, num_noises)
    sums: Floats = values.reshape(shape).sum(axis=(1, 3))
    return sums
