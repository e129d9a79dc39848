"""Fréchet distance between Gaussians fitted to two feature sets (Heusel et al. 2017)."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zimage_eval.config.set_metrics import frechet_name
from zimage_eval.metrics.sets.features import Features, feature_sets, resplit

FID_MIN_IMAGES = 2048
"""Images that the authors of FID require: as many as Inception has features."""


@dataclass(frozen=True)
class FrechetScore:
    """A Fréchet distance, its null and the sizes of both sets."""

    name: str
    """`fid`, or `fd_<backbone>`."""
    value: float
    """Squared distance in the features' unit squared, 0 or more; too high with few images."""
    split_half_null: float
    """Its value between two sets of the same sizes drawn from all images together."""
    num_images: int
    num_reference: int


def frechet_score(
    features: NDArray[np.floating],
    reference: NDArray[np.floating],
    backbone: str,
    seed: int,
    small_sets_allowed: Collection[str] = (),
) -> FrechetScore:
    """The distance of two `(num_images, num_features)` sets, with its null.

    Each set needs 2,048 images for `fid`, and as many as there are features on another backbone:
    with fewer images a covariance does not have full rank, and the value is mostly bias.

    Args:
        features: of the images.
        reference: of the reference pictures.
        backbone: gives the score its name.
        seed: draws the two sets of the null.
        small_sets_allowed: names of scores that may be computed from smaller sets.

    Raises:
        ValueError: a set is too small and the score's name is not in `small_sets_allowed`, or the
            sets are not features of one backbone.
    """
    name = frechet_name(backbone)
    first, second = feature_sets(features, reference, min_images=2)
    fewest, min_images = (
        min(len(first), len(second)),
        FID_MIN_IMAGES if name == "fid" else first.shape[1],
    )
    if fewest < min_images and name not in small_sets_allowed:
        raise ValueError(
            f"{name} of {fewest} images, at least {min_images} are needed: use kid, or ask for"
            f" {name!r} by name in small_sets_allowed and read it beside its split-half null"
        )
    return FrechetScore(
        name=name,
        value=frechet_distance(first, second),
        split_half_null=frechet_distance(*resplit(first, second, seed)),
        num_images=len(first),
        num_reference=len(second),
    )


def frechet_distance(features: NDArray[np.floating], reference: NDArray[np.floating]) -> float:
    """|mean1 - mean2|² + tr(C1 + C2 - 2 (C1 C2)^½) of two sets, as clean-fid's `fid_from_feats`.

    With Cᵢ = FᵢᵀFᵢ the trace of the root is the nuclear norm of F1 F2ᵀ, which is never complex.
    If a set has fewer images than features, F holds its centered rows; otherwise see
    `frechet_from_moments`.

    Raises:
        ValueError: a set has fewer than two images, or the numbers of features differ.
    """
    first, second = feature_sets(features, reference, min_images=2)
    if min(len(first), len(second)) >= first.shape[1]:
        return frechet_from_moments(*_moments(first), *_moments(second))
    shift = first.mean(axis=0) - second.mean(axis=0)
    factors = _factor(first), _factor(second)
    root_trace = np.linalg.svd(factors[0] @ factors[1].T, compute_uv=False).sum()
    spread = sum(np.square(factor).sum() for factor in factors)
    return max(float(shift @ shift + spread - 2 * root_trace), 0.0)


def frechet_from_moments(
    mean: Features, covariance: Features, reference_mean: Features, reference_covariance: Features
) -> float:
    """The distance of two Gaussians, for example from the statistics that clean-fid publishes.

    Means are `(num_features,)`, covariances `(num_features, num_features)`, all float64. The root's
    trace is the sum of the roots of the eigenvalues of F C2 Fᵀ, where FᵀF = C1. That matrix is
    symmetric, so the eigenvalues are real; those below 0 are rounding errors and count as 0.
    """
    factor = _covariance_factor(covariance)
    product = np.linalg.eigvalsh(factor @ reference_covariance @ factor.T)
    root_trace = np.sqrt(product.clip(min=0)).sum()
    shift = mean - reference_mean
    spread = np.trace(covariance) + np.trace(reference_covariance)
    return max(float(shift @ shift + spread - 2 * root_trace), 0.0)


def _moments(features: Features) -> tuple[Features, Features]:
    """Mean `(num_features,)` and unbiased covariance."""
    mean = features.mean(axis=0)
    centered = features - mean
    return mean, centered.T @ centered / (len(features) - 1)


def _covariance_factor(covariance: Features) -> Features:
    """F with FᵀF the covariance: by Cholesky, or where that fails by `eigh`, ten times as slow.

    The factor from `eigh` lacks a row for each direction without variance.
    """
    try:
        return np.asarray(np.linalg.cholesky(covariance).T, dtype=np.float64)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
    kept = values > values[-1] * len(values) * np.finfo(np.float64).eps
    return np.asarray(np.sqrt(values[kept])[:, None] * vectors[:, kept].T)


def _factor(features: Features) -> Features:
    """F with FᵀF the unbiased covariance, `(min(num_images, num_features), num_features)`."""
    centered = (features - features.mean(axis=0)) / np.sqrt(len(features) - 1)
    if len(centered) <= centered.shape[1]:
        return centered
    return np.asarray(np.linalg.qr(centered, mode="r"))
