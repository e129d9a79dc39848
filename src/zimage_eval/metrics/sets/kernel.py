"""Kernel distances of feature sets: KID (Bińkowski et al. 2018) and CMMD (Jayasumana 2023)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zimage_eval.metrics.sets.features import Features, feature_sets
from zimage_eval.statistics.estimates import MIN_PROMPTS

KID_BLOCK = 1000
"""Images in a block: the size of the published subsets."""
KID_MIN_IMAGES = 32
"""With fewer images noise hides differences that matter. With 32 of 1,024 drawn scenes, the spread
of a true 0 on `alexnet` is 0.006, a tenth of the effect of a 3 x 3 blur; with 16 it is twice as
large."""
CMMD_MIN_IMAGES = 64
"""With fewer images the bias may exceed 0.3, the difference of two good generators."""
CMMD_SIGMA = 10.0
CMMD_SCALE = 1000.0


@dataclass(frozen=True)
class KernelScore:
    """A KID; the estimate is unbiased, so it can fall below 0 by chance where the truth is 0."""

    value: float
    """Mean over the blocks, without a unit; 0 is expected for one population."""
    subset_spread: float | None
    """Standard deviation between blocks, not a standard error of `value`; None for one block."""
    num_blocks: int
    num_images: int
    num_reference: int


def kid_score(
    features: NDArray[np.floating], reference: NDArray[np.floating], seed: int
) -> KernelScore:
    """Kernel Inception Distance of two `(num_images, num_features)` sets, on any backbone.

    Both sets are shuffled by `seed` and cut into the same number of disjoint blocks; a block of the
    smaller set has 1,000 images or more (one block below 2,000). Every image counts once; clean-fid
    draws overlapping subsets without a seed.

    Raises:
        ValueError: fewer than two images, features that are not finite, or unequal numbers of them.
    """
    first, second = feature_sets(features, reference, min_images=2)
    num_blocks = max(min(len(first), len(second)) // KID_BLOCK, 1)
    generator = np.random.default_rng(seed)
    blocks = [np.array_split(generator.permutation(rows), num_blocks) for rows in (first, second)]
    values = [polynomial_mmd(a, b) for a, b in zip(*blocks, strict=True)]
    return KernelScore(
        value=float(np.mean(values)),
        subset_spread=float(np.std(values, ddof=1)) if num_blocks > 1 else None,
        num_blocks=num_blocks,
        num_images=len(first),
        num_reference=len(second),
    )


def kid_interval(
    features: NDArray[np.floating],
    reference: NDArray[np.floating],
    prompts: Sequence[str],
    confidence: float,
) -> tuple[float, float] | None:
    """Interval of the KID to this reference, over other prompts of the same kind and number.

    Delete-one-prompt jackknife of the unbiased estimate over all pictures (Efron and Stein 1981),
    with Student's t over prompts. The reference counts as fixed.

    Args:
        features: `(num_images, num_features)`.
        reference: the same of the reference.
        prompts: prompt of each image; images of one prompt are not independent.
        confidence: level of the two-sided interval.

    Returns:
        Low and high end; None under 8 prompts.
    """
    first, second = feature_sets(features, reference, min_images=2)
    names, members = np.unique(np.asarray(prompts), return_inverse=True)
    size = len(names)
    if size < MIN_PROMPTS:
        return None
    belongs = np.equal.outer(np.arange(size), members).astype(np.float64)
    within = _polynomial(first, first)
    np.fill_diagonal(within, 0.0)
    across = _polynomial(first, second).mean(axis=1)
    num_remaining = len(first) - belongs.sum(axis=1)
    within_cluster = ((belongs @ within) * belongs).sum(axis=1)
    pair_sums = within.sum() - 2 * belongs @ within.sum(axis=1) + within_cluster
    estimates = (
        pair_sums / (num_remaining * (num_remaining - 1))
        - 2 * (across.sum() - belongs @ across) / num_remaining
    )
    error = np.sqrt((size - 1) / size * np.square(estimates - estimates.mean()).sum())
    reach = float(stats.t.ppf(0.5 + confidence / 2, size - 1) * error)
    value = polynomial_mmd(first, second)
    return value - reach, value + reach


def polynomial_mmd(features: Features, reference: Features) -> float:
    """Unbiased squared MMD with the kernel (x·y / num_features + 1)³.

    The sets, `(num_images, num_features)`, may differ in size; pairs of an image with itself are
    left out.
    """
    within = [_polynomial(rows, rows) for rows in (features, reference)]
    means = [
        (kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)) for kernel in within
    ]
    return float(sum(means) - 2 * _polynomial(features, reference).mean())


def cmmd(features: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """CMMD of two `(num_images, num_features)` sets: 1000 times a squared MMD, 0 or more.

    Rows are scaled to length 1; the kernel is Gaussian with sigma 10. As in the publication, the
    pair of each image with itself counts, so the value is too high, on unit rows by at most
    10 (1/n + 1/m). The published backbone is CLIP ViT-L/14-336.

    Raises:
        ValueError: a set is empty, is not finite or holds a row of zeros, or the sets differ in
            their number of features.
    """
    sets = feature_sets(features, reference, min_images=1)
    first, second = (unit_rows(rows) for rows in sets)
    within = _gaussian(first, first).mean() + _gaussian(second, second).mean()
    return float(CMMD_SCALE * (within - 2 * _gaussian(first, second).mean()))


def unit_rows(features: Features) -> Features:
    """Each row divided by its length.

    Raises:
        ValueError: a row is all 0 and has no direction.
    """
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise ValueError(f"features of image {int(np.argmin(lengths))} are all 0")
    rows: Features = features / lengths
    return rows


def _polynomial(first: Features, second: Features) -> Features:
    kernel: Features = (first @ second.T / first.shape[1] + 1) ** 3
    return kernel


def _gaussian(first: Features, second: Features) -> Features:
    lengths = [np.square(rows).sum(axis=1) for rows in (first, second)]
    distances = lengths[0][:, None] + lengths[1][None, :] - 2 * first @ second.T
    kernel: Features = np.exp(-distances / (2 * CMMD_SIGMA**2))
    return kernel
