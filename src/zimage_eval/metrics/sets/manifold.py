"""Nearest-neighbor scores of two feature sets, and the diversity of one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zimage_eval.metrics.sets.features import Features, feature_set, feature_sets
from zimage_eval.metrics.sets.kernel import unit_rows

NEAREST = 5
"""k of the `prdc` package: a ball reaches to the k-th nearest other image of its own set."""

MANIFOLD_LEAST = 10 * NEAREST
"""Images below which a ball reaches over a tenth of its set and the scores say little."""
VENDI_LEAST = 32


@dataclass(frozen=True)
class ManifoldScores:
    """Precision and recall (Kynkäänniemi 2019), density and coverage (Naeem et al. 2020)."""

    precision: float
    """Share of images inside at least one ball of the reference."""
    recall: float
    """Share of references inside at least one ball of the images."""
    density: float
    """Reference balls that an image lies in, over k; 1 is expected for one population, may pass it.
    """
    coverage: float
    """Share of reference balls that hold at least one image."""
    nearest: int
    """The k of the balls."""
    num_images: int
    num_reference: int


def manifold_scores(
    features: NDArray[np.floating], reference: NDArray[np.floating], nearest: int = NEAREST
) -> ManifoldScores:
    """The four scores of two `(num_images, num_features)` sets, as `prdc.compute_prdc` does.

    Euclidean; inside means `<`, so an image on the rim is outside (torch-fidelity's precision takes
    k = 3 and `<=`, another number). Needs memory for the distances between all images.

    Raises:
        ValueError: a set has no more than `nearest` images, is not finite, or has other features.
    """
    first, second = feature_sets(features, reference, least=nearest + 1)
    center = second.mean(axis=0)  # smaller lengths, less cancellation
    images, references = first - center, second - center
    image_radii, reference_radii = (_radii(each, nearest) for each in (images, references))
    distances = _squared_distances(references, images)
    inside = distances < reference_radii[:, None]
    return ManifoldScores(
        precision=float(inside.any(axis=0).mean()),
        recall=float((distances < image_radii[None, :]).any(axis=1).mean()),
        density=float(inside.sum(axis=0).mean() / nearest),
        coverage=float(inside.any(axis=1).mean()),
        nearest=nearest,
        num_images=len(images),
        num_reference=len(references),
    )


def vendi_score(features: NDArray[np.floating]) -> float:
    """Effective number of different images in one `(num_images, num_features)` set, from 1 to n.

    exp of the entropy of the eigenvalues of K / n, K the cosine similarities (Friedman and Dieng
    2023). It grows with n: compare sets of one size.

    Raises:
        ValueError: the set is empty, not finite, or holds a row of zeros.
    """
    rows = unit_rows(feature_set(features, least=1)) / np.sqrt(len(features))
    gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows  # same eigenvalues
    values = np.linalg.eigvalsh(gram)
    values = values[values > 0]
    return float(np.exp(-(values * np.log(values)).sum()))


def _radii(features: Features, nearest: int) -> Features:
    """Squared distance of each row to its k-th nearest other row."""
    distances = _squared_distances(features, features)
    np.fill_diagonal(distances, 0.0)
    radii: Features = np.partition(distances, nearest, axis=1)[:, nearest]  # a row itself is 0-th
    return radii


def _squared_distances(first: Features, second: Features) -> Features:
    lengths = [np.square(each).sum(axis=1) for each in (first, second)]
    distances = lengths[0][:, None] + lengths[1][None, :] - 2 * first @ second.T
    squared: Features = distances.clip(min=0)
    return squared
