"""Distances between what two models draw of the same prompts, as means over prompts.

Both are the unbiased squared MMD, with nothing paired but the prompts: each picture has noise of
its own. Over all prompts together it is KID. Given the prompt it asks whether the pictures of one
prompt come from one distribution, and sees what cancels over prompts; but a prompt's few pictures
make few pairs, where all prompts make a million, so that it is by far the noisier one.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zimage_eval.statistics.estimates import Floats

Kernel = Callable[[Floats, Floats], Floats]
"""`(n, num_features)`, `(m, num_features)` -> `(n, m)`."""
MIN_NOISES: Final = 2
"""Pictures of a prompt, from as many noises, that say how pictures of it vary."""


def polynomial_kernel(first: Floats, second: Floats) -> Floats:
    """KID's `(x·y / num_features + 1)³` (Bińkowski et al. 2018)."""
    kernel: Floats = (first @ second.T / first.shape[1] + 1) ** 3
    return kernel


def linear_kernel(first: Floats, second: Floats) -> Floats:
    """x·y: the distance is then the squared one of two means, for example of frequencies."""
    kernel: Floats = first @ second.T
    return kernel


def gap_matrix(first: Floats, second: Floats, kernel: Kernel) -> Floats:
    """The symmetric `(num_prompts, num_prompts)` terms that both distances are means of.

    An entry off the diagonal is k(x, x') + k(y, y') - k(x, y') - k(y, x') of two prompts, averaged
    over their noises; on the diagonal x and x' are different pictures of one prompt.

    Args:
        first: features of one model, `(num_prompts, num_noises, num_features)`.
        second: those of another, of the same prompts in the same order.
        kernel: compares two pictures.

    Raises:
        ValueError: other shapes, fewer than two prompts or two noises, or features not finite.
    """
    if first.shape != second.shape or first.ndim != 3:
        raise ValueError(f"features of one design, not {first.shape} and {second.shape}")
    num_prompts, num_noises, _ = first.shape
    if num_prompts < 2 or num_noises < MIN_NOISES:
        raise ValueError(f"two prompts and two noises at least, not {num_prompts}, {num_noises}")
    sets = [
        each.astype(np.float64).reshape(num_prompts * num_noises, -1) for each in (first, second)
    ]
    if not all(np.isfinite(each).all() for each in sets):
        raise ValueError("a feature is NaN or infinite")
    total = np.zeros((num_prompts, num_prompts))
    for own in sets:
        values = kernel(own, own)
        sums = _by_prompt(values, num_prompts)
        same = np.diag(values).reshape(num_prompts, num_noises).sum(axis=1)
        within = (np.diag(sums) - same) / (num_noises * (num_noises - 1))
        means = sums / num_noises**2
        np.fill_diagonal(means, within)
        total += means
    across = _by_prompt(kernel(*sets), num_prompts) / num_noises**2
    return total - across - across.T


def distances_given_prompt(gaps: Floats) -> Floats:
    """`(num_prompts,)`: each prompt's own squared MMD.

    Unbiased, so below 0 about as often as above where there is no difference.
    """
    return np.diag(gaps).copy()


def distances_over_prompts(gaps: Floats) -> Floats:
    """`(num_prompts,)` whose mean is KID of all pictures, pairs of one prompt left out.

    They are the jackknife's pseudo-values (Tukey 1958) of that U-statistic, so that their mean has
    the interval of a mean over prompts. Where there is no difference they overstate the spread.
    """
    size = len(gaps)
    if size < 3:
        raise ValueError(f"{size} prompts: leaving one out leaves no pair")
    rows = gaps.sum(axis=1) - np.diag(gaps)
    total = rows.sum()
    values: Floats = total / (size - 1) - (total - 2 * rows) / (size - 2)
    return values


def grouped_pseudo_values(
    distance: Callable[[Floats, Floats], float], first: Floats, second: Floats, num_groups: int
) -> Floats:
    """`(num_groups,)` pseudo-values of any distance of two sets, by leaving out groups of prompts.

    Args:
        distance: of two `(num_images, num_features)`.
        first: `(num_prompts, num_noises, num_features)`.
        second: the same of another model.
        num_groups: prompts are dealt out to them in turn, so that each holds all categories.

    Raises:
        ValueError: there are fewer prompts than groups.
    """
    size = len(first)
    if not 2 <= num_groups <= size:
        raise ValueError(f"{num_groups} groups of {size} prompts")
    group = np.arange(size) % num_groups

    def of(kept: Sequence[bool] | NDArray[np.bool_]) -> float:
        return distance(*(each[kept].reshape(-1, each.shape[-1]) for each in (first, second)))

    whole = of(np.ones(size, dtype=bool))
    left_out = np.array([of(group != number) for number in range(num_groups)])
    return num_groups * whole - (num_groups - 1) * left_out


def _by_prompt(values: Floats, num_prompts: int) -> Floats:
    """Sums over the noises of both prompts of a kernel matrix."""
    num_noises = len(values) // num_prompts
    shape = (num_prompts, num_noises, num_prompts, num_noises)
    sums: Floats = values.reshape(shape).sum(axis=(1, 3))
    return sums
