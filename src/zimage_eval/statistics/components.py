"""Principal components of token vectors, and channels that are far larger than the others."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

OUTLIER_FACTOR: Final = 5.0
"""A channel is an outlier if its root mean square exceeds the median channel's by this factor."""


class Components(NamedTuple):
    """Principal components of vectors `(num_tokens, hidden_size)` around their mean."""

    shares: NDArray[np.float64]
    """Each component's share of the variance, largest first; they sum to 1."""
    coordinates: NDArray[np.float64]
    """`(num_tokens, num_components)`; a component's largest channel is positive."""


def principal_components(vectors: NDArray[np.float64]) -> Components:
    """The principal components of `(num_tokens, hidden_size)` vectors.

    Raises:
        ValueError: there are fewer than three vectors, or all are equal.
    """
    if len(vectors) < 3 or not np.ptp(vectors, axis=0).any():
        raise ValueError(
            f"{len(vectors)} vectors that don't differ; allowed: three or more that do"
        )
    pca = PCA(svd_solver="full")  # for large inputs scikit-learn would pick a random one
    coordinates = pca.fit_transform(vectors)
    return Components(shares=pca.explained_variance_ratio_, coordinates=coordinates)


def outlier_channels(vectors: NDArray[np.float64]) -> tuple[int, float]:
    """How many channels are outliers, and the largest channel's share of the mean square.

    Args:
        vectors: `(num_tokens, hidden_size)`.
    """
    squares = np.square(vectors).mean(axis=0)
    sizes = np.sqrt(squares)
    number = int((sizes > OUTLIER_FACTOR * np.median(sizes)).sum())
    return number, float(squares.max() / squares.sum())
