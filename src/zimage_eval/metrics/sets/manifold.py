"""Precision, recall, density and coverage of two feature sets, and the Vendi score of one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zimage_eval.metrics.sets.features import Features, feature_set, feature_sets
from zimage_eval.metrics.sets.kernel import unit_rows

NUM_NEIGHBORS = 5
"""k of the `prdc` package: an image's ball reaches to the k-th nearest other image of its set."""
MANIFOLD_MIN_IMAGES = 10 * NUM_NEIGHBORS
"""With fewer images a ball covers more than a tenth of its set, and the scores mean little."""
VENDI_MIN_IMAGES = 32


@dataclass(frozen=True)
class ManifoldScores:
    """Precision and recall (Kynkäänniemi 2019), density and coverage (Naeem et al. 2020)."""

    precision: float
    """Share of images inside at least one ball of the reference."""
    recall: float
    """Share of references inside at least one ball of the images."""
    density: float
    """Mean number of reference balls that an image lies in, over k; about 1 for one population, and
    it may be larger."""
    coverage: float
    """Share of reference balls that hold at least one image."""
    num_neighbors: int
    """k: how many neighbors a ball reaches to."""
    num_images: int
    num_reference: int


def manifold_scores(
    features: NDArray[np.floating],
    reference: NDArray[np.floating],
    num_neighbors: int = NUM_NEIGHBORS,
) -> ManifoldScores:
    """The four scores of two `(num_images, num_features)` sets, as by `prdc.compute_prdc`.

    Distances are Euclidean. Inside means `<`, so an image on the rim of a ball is outside
    (torch-fidelity's precision uses k = 3 and `<=` and gives other numbers). The distances between
    all images are in memory at once.

    Raises:
        ValueError: a set has at most `num_neighbors` images or is not finite, or the numbers of
            features differ.
    """
    first, second = feature_sets(features, reference, min_images=num_neighbors + 1)
    center = second.mean(axis=0)  # shorter vectors lose fewer digits
    images, references = first - center, second - center
    image_radii, reference_radii = (_radii(rows, num_neighbors) for rows in (images, references))
    distances = _squared_distances(references, images)
    inside = distances < reference_radii[:, None]
    return ManifoldScores(
        precision=float(inside.any(axis=0).mean()),
        recall=float((distances < image_radii[None, :]).any(axis=1).mean()),
        density=float(inside.sum(axis=0).mean() / num_neighbors),
        coverage=float(inside.any(axis=1).mean()),
        num_neighbors=num_neighbors,
        num_images=len(images),
        num_reference=len(references),
    )


def vendi_score(features: NDArray[np.floating]) -> float:
    """Effective number of different images in one `(num_images, num_features)` set, from 1 to n.

    exp of the entropy of the eigenvalues of K / n, where K holds the cosine similarities (Friedman
    and Dieng 2023). It grows with n, so compare sets of one size only.

    Raises:
        ValueError: the set is empty, is not finite or holds a row of zeros.
    """
    rows = unit_rows(feature_set(features, min_images=1)) / np.sqrt(len(features))
    gram = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows  # same eigenvalues
    values = np.linalg.eigvalsh(gram)
    values = values[values > 0]
    return float(np.exp(-(values * np.log(values)).sum()))


def _radii(features: Features, num_neighbors: int) -> Features:
    """Squared distance of each row to its k-th nearest other row, `(num_images,)`."""
    distances = _squared_distances(features, features)
    np.fill_diagonal(distances, 0.0)
    radii: Features = np.partition(distances, num_neighbors, axis=1)[
        :, num_neighbors
    ]  # the row itself is the 0-th
    return radii


def _squared_distances(first: Features, second: Features) -> Features:
    lengths = [np.square(rows).sum(axis=1) for rows in (first, second)]
    distances = lengths[0][:, None] + lengths[1][None, :] - 2 * first @ second.T
    squared: Features = distances.clip(min=0)
    return squared
