"""Kernel distances of two feature sets: KID (Bińkowski et al. 2018), CMMD (Jayasumana 2023)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from zimage_eval.metrics.sets.features import Features, feature_sets
from zimage_eval.statistics.estimates import MIN_PROMPTS

KID_BLOCK = 1000
"""Images of a block, the size of the published subsets."""
KID_LEAST = 32
"""Images below which noise hides what matters: with 32 of 1,024 drawn scenes, the spread of a true
0 on `alexnet` is 0.006, a tenth of what a 3 x 3 blur makes; with 16 it is twice as much."""
CMMD_LEAST = 64
"""Images below which the bias may pass 0.3, as much as two good generators differ by."""
CMMD_SIGMA = 10.0
CMMD_SCALE = 1000.0


@dataclass(frozen=True)
class KernelScore:
    """A KID; unbiased, so a value below 0 is chance about 0."""

    value: float
    """Mean over the blocks; pure number, 0 for one population."""
    subset_spread: float | None
    """Standard deviation between blocks, not a standard error of `value`; None for one block."""
    num_blocks: int
    num_images: int
    num_reference: int


def kid_score(
    features: NDArray[np.floating], reference: NDArray[np.floating], seed: int
) -> KernelScore:
    """Kernel Inception Distance of two `(num_images, num_features)` sets (any backbone's).

    Both sets are shuffled by `seed` and cut into the same number of disjoint blocks of 1,000 images
    or a little more of the smaller set (one block below 2,000): every image counts once, where
    clean-fid draws overlapping subsets without a seed.

    Raises:
        ValueError: fewer than two images, not finite, or other numbers of features.
    """
    first, second = feature_sets(features, reference, least=2)
    num_blocks = max(min(len(first), len(second)) // KID_BLOCK, 1)
    generator = np.random.default_rng(seed)
    blocks = [np.array_split(generator.permutation(each), num_blocks) for each in (first, second)]
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
    clusters: Sequence[str],
    confidence: float,
) -> tuple[float, float] | None:
    """Interval of what KID comes to over many draws of as many such prompts, given this reference.

    Delete-one-prompt jackknife of the unbiased estimate over all pictures (Efron and Stein 1981),
    with Student's t over prompts. It says nothing of another reference.

    Args:
        features: `(num_images, num_features)`.
        reference: the same of the reference.
        clusters: prompt of each image; what its seeds share is not counted twice.
        confidence: of the two-sided interval.

    Returns:
        None under 8 prompts.
    """
    first, second = feature_sets(features, reference, least=2)
    names, members = np.unique(np.asarray(clusters), return_inverse=True)
    size = len(names)
    if size < MIN_PROMPTS:
        return None
    belongs = np.equal.outer(np.arange(size), members).astype(np.float64)
    within = _polynomial(first, first)
    np.fill_diagonal(within, 0.0)
    across = _polynomial(first, second).mean(axis=1)
    rest = len(first) - belongs.sum(axis=1)
    own = ((belongs @ within) * belongs).sum(axis=1)
    pairs = within.sum() - 2 * belongs @ within.sum(axis=1) + own
    left_out = pairs / (rest * (rest - 1)) - 2 * (across.sum() - belongs @ across) / rest
    error = np.sqrt((size - 1) / size * np.square(left_out - left_out.mean()).sum())
    reach = float(stats.t.ppf(0.5 + confidence / 2, size - 1) * error)
    value = polynomial_mmd(first, second)
    return value - reach, value + reach


def polynomial_mmd(features: Features, reference: Features) -> float:
    """Unbiased squared MMD with the kernel (x·y / num_features + 1)³.

    The sets may differ in size; pairs of an image with itself are left out.
    """
    within = [_polynomial(each, each) for each in (features, reference)]
    means = [
        (kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)) for kernel in within
    ]
    return float(sum(means) - 2 * _polynomial(features, reference).mean())


def cmmd(features: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """CMMD of two `(num_images, num_features)` sets: 1000 times a squared MMD, 0 or more.

    Rows are brought to length 1; Gaussian kernel of sigma 10. The estimator is the published one,
    which counts each image's pair with itself: biased up, by at most 10 (1/n + 1/m) on unit rows.
    CLIP ViT-L/14-336 is the published backbone.

    Raises:
        ValueError: a set is empty, not finite, holds a row of zeros, or has other features.
    """
    sets = feature_sets(features, reference, least=1)
    first, second = (unit_rows(each) for each in sets)
    within = _gaussian(first, first).mean() + _gaussian(second, second).mean()
    return float(CMMD_SCALE * (within - 2 * _gaussian(first, second).mean()))


def unit_rows(features: Features) -> Features:
    """Each row divided by its length; ValueError for a row of zeros, which has no direction."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    if (lengths == 0).any():
        raise ValueError(f"features of image {int(np.argmin(lengths))} are all 0")
    rows: Features = features / lengths
    return rows


def _polynomial(first: Features, second: Features) -> Features:
    kernel: Features = (first @ second.T / first.shape[1] + 1) ** 3
    return kernel


def _gaussian(first: Features, second: Features) -> Features:
    lengths = [np.square(each).sum(axis=1) for each in (first, second)]
    distances = lengths[0][:, None] + lengths[1][None, :] - 2 * first @ second.T
    kernel: Features = np.exp(-distances / (2 * CMMD_SIGMA**2))
    return kernel
