import numpy as np
import pytest
from scipy.spatial.distance import cdist

from zimage_eval.metrics.sets.manifold import manifold_scores, vendi_score


def normals(seed: int, num_images: int, num_features: int = 16, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num_images, num_features)) + shift


def prdc(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float, float, float]:
    """The formulas of Naeem et al. (2020) over exact distances, ball by ball.

    The k-th neighbor of a row is number k + 1 of all distances from it, its own 0 being the first.
    """
    real_radii = np.sort(cdist(real, real), axis=1)[:, k]
    fake_radii = np.sort(cdist(fake, fake), axis=1)[:, k]
    between = cdist(real, fake)
    precision = np.mean([(between[:, j] < real_radii).any() for j in range(len(fake))])
    recall = np.mean([(between[i] < fake_radii).any() for i in range(len(real))])
    density = np.mean([(between[:, j] < real_radii).sum() / k for j in range(len(fake))])
    coverage = np.mean([between[i].min() < real_radii[i] for i in range(len(real))])
    return float(precision), float(recall), float(density), float(coverage)


@pytest.mark.parametrize("shift", [0.0, 0.5, 100.0])
@pytest.mark.parametrize("nearest", [1, 3, 5])
def test_they_equal_the_definition(shift: float, nearest: int) -> None:
    real, fake = normals(0, 120), 0.8 * normals(1, 90, shift=shift)
    scores = manifold_scores(fake, real, nearest)
    values = scores.precision, scores.recall, scores.density, scores.coverage
    assert values == pytest.approx(prdc(real, fake, nearest), abs=1e-12)
    assert (scores.num_neighbors, scores.num_images, scores.num_reference) == (nearest, 90, 120)


def test_ends_of_the_scale() -> None:
    features = normals(0, 100)
    same = manifold_scores(features, features[::-1])
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    far = manifold_scores(features, features + 50)
    assert (far.precision, far.recall, far.density, far.coverage) == (0, 0, 0, 0)


def test_a_collapsed_set_is_precise_and_covers_little() -> None:
    reference = normals(0, 200)
    collapsed = reference[:1] + 1e-3 * normals(1, 200)
    scores = manifold_scores(collapsed, reference)
    assert scores.precision == 1
    assert scores.recall < 0.05 and scores.coverage < 0.1


def test_an_image_on_the_rim_is_outside() -> None:
    """On a line, k = 1: the radii are 1 and exact, and `<` leaves the neighbor out."""
    reference, images = np.array([[0.0], [1.0], [2.0]]), np.array([[3.0], [4.0], [5.0]])
    scores = manifold_scores(images, reference, num_neighbors=1)
    assert (scores.precision, scores.recall, scores.coverage) == (0, 0, 0)


def test_a_set_without_enough_neighbors_is_refused() -> None:
    with pytest.raises(ValueError, match="5 images, at least 6"):
        manifold_scores(normals(0, 5), normals(1, 50))
    with pytest.raises(ValueError, match="16 features against 4"):
        manifold_scores(normals(0, 50), normals(1, 50, 4))


def test_vendi_counts_different_images() -> None:
    assert vendi_score(np.eye(7)) == pytest.approx(7, rel=1e-12)
    assert vendi_score(np.ones((7, 3))) == pytest.approx(1, rel=1e-12)
    groups = np.repeat(np.eye(4), [1, 1, 1, 1], axis=0)
    assert vendi_score(np.concatenate([groups] * 5)) == pytest.approx(4, rel=1e-12)
    assert vendi_score(3 * normals(0, 20)) == pytest.approx(vendi_score(normals(0, 20)), rel=1e-12)


@pytest.mark.parametrize("num_images", [10, 40])
def test_vendi_equals_the_definition(num_images: int) -> None:
    """exp of the entropy of the eigenvalues of K / n, in both shapes of the Gram matrix."""
    features = normals(0, num_images, 20, shift=0.3)
    units = features / np.linalg.norm(features, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(units @ units.T / num_images)
    values = values[values > 1e-12]
    assert vendi_score(features) == pytest.approx(np.exp(-(values * np.log(values)).sum()))
    assert vendi_score(features[::-1]) == pytest.approx(vendi_score(features))
