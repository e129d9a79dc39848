import warnings

import numpy as np
import pytest
import torch
from scipy import linalg
from torchmetrics.image.fid import _compute_fid

from zimage_eval.config.set_metrics import frechet_name
from zimage_eval.metrics.sets.frechet import (
    frechet_distance,
    frechet_from_moments,
    frechet_score,
)


def normals(seed: int, num_images: int, num_features: int, shift: float = 0.0) -> np.ndarray:
    scales = 1 / np.sqrt(1 + np.arange(num_features))
    return np.random.default_rng(seed).normal(size=(num_images, num_features)) * scales + shift


def clean_fid(first: np.ndarray, second: np.ndarray) -> float:
    from cleanfid.fid import fid_from_feats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy 1.17's, about an argument that 1.18 removed
        return float(fid_from_feats(first, second))


def test_gaussians_on_common_axes_have_a_closed_form() -> None:
    """|m1 - m2|² + Σ (s1 - s2)², with moments given exactly."""
    axes = linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    first, second = np.array([3.0, 2, 1, 1, 0.5, 0]), np.array([1.0, 2, 2, 0, 0.5, 4])
    means = np.arange(6.0), np.arange(6.0) - 0.5
    covariances = (axes @ np.diag(deviations**2) @ axes.T for deviations in (first, second))
    one, two = zip(means, covariances, strict=True)
    expected = 6 * 0.25 + np.square(first - second).sum()
    assert frechet_from_moments(*one, *two) == pytest.approx(expected, rel=1e-7)
    assert frechet_from_moments(*two, *one) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("num_images", [20, 200])
def test_shift_and_scale_of_one_set_have_a_closed_form(num_images: int) -> None:
    """A set against c times itself: (c - 1)² (|mean|² + trace of its covariance)."""
    features = normals(0, num_images, 64, shift=0.1)
    size = np.square(features.mean(axis=0)).sum() + features.var(axis=0, ddof=1).sum()
    assert frechet_distance(features, 1.5 * features) == pytest.approx(0.25 * size, rel=1e-9)
    assert frechet_distance(features, features + 0.2) == pytest.approx(64 * 0.04, rel=1e-9)


@pytest.mark.parametrize("num_images", [20, 64, 300])
def test_identical_and_permuted_sets_are_at_distance_zero(num_images: int) -> None:
    features = normals(0, num_images, 64)
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(features, features[::-1]) == pytest.approx(0, abs=1e-6)
    other = normals(1, num_images, 64, shift=0.1)
    there, back = frechet_distance(features, other), frechet_distance(other, features)
    assert there == pytest.approx(back, rel=1e-9)
    assert frechet_distance(features[::-1], other[:, :]) == pytest.approx(there, rel=1e-9)


@pytest.mark.parametrize(("num_images", "num_reference"), [(300, 400), (1000, 129), (128, 500)])
def test_it_equals_clean_fid_and_torchmetrics(num_images: int, num_reference: int) -> None:
    first, second = normals(0, num_images, 128), normals(1, num_reference, 128, shift=0.05)
    distance = frechet_distance(first, second)
    assert distance == pytest.approx(
        clean_fid(first, second), rel=1e-9 if num_images > 128 else 1e-6
    )
    moments = [
        torch.from_numpy(value)
        for each in (first, second)
        for value in (each.mean(axis=0), np.cov(each, rowvar=False))
    ]
    assert distance == pytest.approx(float(_compute_fid(*moments)), rel=1e-6)


@pytest.mark.parametrize(("num_images", "num_reference"), [(16, 16), (40, 90), (16, 500)])
def test_fewer_images_than_features_agree_with_clean_fid(
    num_images: int, num_reference: int
) -> None:
    """Whose matrix root is of a singular product, so less exact."""
    first, second = normals(0, num_images, 64), normals(1, num_reference, 64, shift=0.05)
    assert frechet_distance(first, second) == pytest.approx(clean_fid(first, second), abs=2e-5)


def test_both_forms_agree_where_both_apply() -> None:
    """A set of few images, and the same set's moments through `eigh`."""
    first, second = normals(0, 30, 64), normals(1, 500, 64)
    moments = [value for each in (first, second) for value in (each.mean(axis=0), np.cov(each.T))]
    assert frechet_from_moments(*moments) == pytest.approx(
        frechet_distance(first, second), rel=1e-6
    )


def test_constant_features_and_repeated_images_stay_real() -> None:
    features = normals(0, 300, 64)
    features[:, 10:20] = 7.0
    features[100:200] = features[:100]
    other = normals(1, 300, 64)
    other[:, 15:30] = 7.0
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-5)
    assert frechet_distance(features, other) == pytest.approx(clean_fid(features, other), abs=1e-4)


def test_float32_features_are_widened() -> None:
    first, second = normals(0, 100, 16).astype(np.float32), normals(1, 100, 16).astype(np.float32)
    wide = frechet_distance(first.astype(np.float64), second.astype(np.float64))
    assert frechet_distance(first, second) == wide


def test_only_inceptions_distance_is_called_fid() -> None:
    assert frechet_name("inception") == "fid"
    assert frechet_name("alexnet") == "fd_alexnet"


def test_small_sets_are_refused_unless_asked_for_by_name() -> None:
    features, reference = normals(0, 2047, 4), normals(1, 4000, 4)
    with pytest.raises(ValueError, match=r"fid of 2047 images, at least 2048 .* kid"):
        frechet_score(features, reference, "inception", seed=0)
    with pytest.raises(ValueError, match="at least 2048"):  # another name does not count
        frechet_score(features, reference, "inception", seed=0, small_sets_allowed=["fd_clip"])
    score = frechet_score(features, reference, "inception", seed=0, small_sets_allowed=["fid"])
    assert (score.name, score.num_images, score.num_reference) == ("fid", 2047, 4000)
    assert frechet_score(normals(0, 2048, 4), reference, "inception", seed=0).name == "fid"
    with pytest.raises(ValueError, match="fd_alexnet of 63 images, at least 64"):
        frechet_score(normals(0, 63, 64), normals(1, 500, 64), "alexnet", seed=0)


def test_the_null_is_of_one_population_and_the_same_size() -> None:
    """It shows the bias: about the value where there is no difference, far below where there is."""
    features, same = normals(0, 100, 64), normals(1, 100, 64)
    alike = frechet_score(features, same, "alexnet", seed=0)
    assert alike.value == pytest.approx(alike.split_half_null, rel=0.2)
    assert alike.value > 0.5  # of a true distance of 0
    apart = frechet_score(features, same + 1.0, "alexnet", seed=0)
    assert apart.value > 10 * apart.split_half_null
    assert apart == frechet_score(features, same + 1.0, "alexnet", seed=0)
    assert apart.split_half_null != frechet_score(features, same + 1, "alexnet", 1).split_half_null


def test_what_is_no_feature_set_is_refused() -> None:
    features = normals(0, 10, 4)
    with pytest.raises(ValueError, match="1 images, at least 2"):
        frechet_distance(features[:1], features)
    with pytest.raises(ValueError, match="4 features against 3"):
        frechet_distance(features, features[:, :3])
    with pytest.raises(ValueError, match=r"\(10,\)"):
        frechet_distance(features[:, 0], features)
    broken = features.copy()
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match="image 3 are not finite"):
        frechet_distance(features, broken)


@pytest.mark.parametrize("num_images", [300, 40])
def test_it_equals_torch_fidelity(num_images: int) -> None:
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    first, second = normals(0, num_images, 64), normals(1, num_images, 64, shift=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy 1.17's, about an argument that 1.18 removed
        moments = [fid_features_to_statistics(torch.from_numpy(each)) for each in (first, second)]
        reference = fid_statistics_to_metric(*moments, verbose=False)
    wanted = reference["frechet_inception_distance"]
    reach = 1e-9 * wanted if num_images > 64 else 2e-5  # of few images, a singular product's root
    assert frechet_distance(first, second) == pytest.approx(wanted, abs=reach)
