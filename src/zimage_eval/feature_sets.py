"""Feature sets: what distribution metrics compare, one row an image, checked and split by seed."""

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
"""`(num_images, num_features)`, finite."""


def feature_set(features: NDArray[np.floating], least: int) -> Features:
    """The features in float64.

    Raises:
        ValueError: no `(num_images, num_features)` of finite floats, or fewer than `least` images.
    """
    if features.ndim != 2 or features.shape[1] == 0 or features.dtype.kind != "f":
        raise ValueError(
            f"want floats (num_images, num_features), got {features.dtype} {features.shape}"
        )
    if len(features) < least:
        raise ValueError(f"{len(features)} images, at least {least} are needed")
    if not np.isfinite(features).all():
        bad = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise ValueError(f"features of image {bad} are not finite")
    return features.astype(np.float64)


def feature_sets(
    features: NDArray[np.floating], reference: NDArray[np.floating], least: int
) -> tuple[Features, Features]:
    """Both sets as `feature_set`; ValueError too where they differ in their number of features."""
    first, second = feature_set(features, least), feature_set(reference, least)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{first.shape[1]} features against {second.shape[1]} in the reference: two backbones?"
        )
    return first, second


def resplit(features: Features, reference: Features, seed: int) -> tuple[Features, Features]:
    """Two sets of the same two sizes, drawn without replacement from all images together.

    What a metric says of them is its null: the value where images and reference are one population.
    """
    pool = np.concatenate([features, reference])
    order = np.random.default_rng(seed).permutation(len(pool))
    return pool[order[: len(features)]], pool[order[len(features) :]]
