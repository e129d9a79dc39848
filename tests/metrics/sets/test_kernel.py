import numpy as np
import pytest
import torch
from cleanfid.fid import kernel_distance
from scipy import stats
from torchmetrics.image.kid import poly_mmd

from tests.support.fakes.fake_reports import at_least
from zimage_eval.metrics.sets.kernel import KID_BLOCK, cmmd, kid_interval, kid_score, polynomial_mmd


def normals(seed: int, num_images: int, num_features: int = 32, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(num_images, num_features)) + shift


def test_one_block_equals_clean_fid_and_torchmetrics() -> None:
    """Of sets of one size, where a subset as large as the set is the set."""
    first, second = normals(0, 150), normals(1, 150, shift=0.2)
    score = kid_score(first, second, seed=0)
    reference = kernel_distance(first, second, num_subsets=1, max_subset_size=150)
    assert score.value == pytest.approx(reference, rel=1e-9)
    assert score.value == pytest.approx(
        float(poly_mmd(torch.from_numpy(first), torch.from_numpy(second))), rel=1e-6
    )
    assert (score.num_blocks, score.subset_spread) == (1, None)


def test_one_block_equals_torch_fidelity() -> None:
    from torch_fidelity.metric_kid import kid_features_to_metric

    first, second = normals(0, 150), normals(1, 150, shift=0.2)
    reference = kid_features_to_metric(
        torch.from_numpy(first),
        torch.from_numpy(second),
        kid_subsets=1,
        kid_subset_size=150,
        verbose=False,
    )
    wanted = reference["kernel_inception_distance_mean"]
    assert kid_score(first, second, seed=0).value == pytest.approx(wanted, rel=1e-9)


def test_the_kernel_distance_of_a_few_numbers_by_hand() -> None:
    """Of two images with one feature: k(x, y) = (xy + 1)³."""
    first, second = np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]])
    within = (0 * 1 + 1) ** 3 + (2 * 3 + 1) ** 3
    between = (1 + 1 + 3**3 + 4**3) / 4
    assert polynomial_mmd(first, second) == pytest.approx(within - 2 * between, rel=1e-12)


def test_blocks_are_disjoint_use_every_image_and_follow_the_seed() -> None:
    first, second = normals(0, 2 * KID_BLOCK + 300, 8), normals(1, 3 * KID_BLOCK, 8)
    score = kid_score(first, second, seed=0)
    assert score == kid_score(first, second, seed=0)
    assert score.value != kid_score(first, second, seed=1).value
    assert (score.num_blocks, score.num_images, score.num_reference) == (2, 2300, 3000)
    assert score.subset_spread is not None and score.subset_spread > 0
    changed = first.copy()
    changed[7] += 1  # each image counts
    assert kid_score(changed, second, seed=0).value != score.value


def test_kid_is_unbiased() -> None:
    """The mean over small sets of one population is 0 within its standard error."""
    values = np.array(
        [kid_score(normals(2 * k, 10, 4), normals(2 * k + 1, 10, 4), 0).value for k in range(300)]
    )
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(300)
    assert values.min() < 0


def test_the_interval_is_the_jackknife_written_out() -> None:
    """Two seeds a prompt, each prompt left out in turn."""
    first, second = normals(0, 40, shift=0.3), normals(1, 30)
    prompts = [f"p{index // 2}" for index in range(40)]
    left_out = [
        polynomial_mmd(np.delete(first, [2 * i, 2 * i + 1], axis=0), second) for i in range(20)
    ]
    error = np.sqrt(19 / 20 * np.square(np.array(left_out) - np.mean(left_out)).sum())
    value = polynomial_mmd(first, second)
    reach = stats.t.ppf(0.975, 19) * error
    interval = kid_interval(first, second, prompts, 0.95)
    assert interval == pytest.approx((value - reach, value + reach))
    assert kid_interval(first[:14], second, prompts[:14], 0.95) is None


@pytest.mark.parametrize(("shift", "num_prompts"), [(0.0, 32), (0.3, 32), (0.3, 64), (1.0, 64)])
def test_the_interval_holds_the_kid_of_many_pictures(shift: float, num_prompts: int) -> None:
    """Prompts differ, so the two seeds of one are alike; the reference stays as it is."""
    rng = np.random.default_rng(7)
    reference = normals(1, 200, 16)

    def draw(count: int) -> np.ndarray:
        prompts = rng.normal(size=(count, 1, 16)) * 0.7 + shift
        return (prompts + rng.normal(size=(count, 2, 16)) * 0.71).reshape(-1, 16)

    names = [f"p{index // 2}" for index in range(2 * num_prompts)]
    # Every estimate is unbiased for the same number, so their mean stands for the truth.
    drawn = [draw(num_prompts) for _ in range(400)]
    truth = np.mean([polynomial_mmd(each, reference) for each in drawn])
    ends = [kid_interval(each, reference, names, 0.95) for each in drawn]
    held = sum(bool(low <= truth <= high) for low, high in filter(None, ends))
    assert at_least(held, 400, 0.93)


def test_cmmd_has_a_closed_form_for_orthogonal_images() -> None:
    """One image each, at a squared distance of 2 after normalizing: 2000 (1 - exp(-1/100))."""
    first, second = np.array([[3.0, 0.0]]), np.array([[0.0, 0.5]])
    assert cmmd(first, second) == pytest.approx(2000 * (1 - np.exp(-0.01)), rel=1e-9)


def test_cmmd_is_the_published_biased_estimator() -> None:
    """Means over all pairs, an image's with itself included, in float64 loops."""
    first, second = normals(0, 12), normals(1, 9, shift=0.3)
    units = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (first, second)]

    def mean(one: np.ndarray, other: np.ndarray) -> float:
        return float(np.mean([np.exp(-np.sum((a - b) ** 2) / 200) for a in one for b in other]))

    one, two = units
    expected = 1000 * (mean(one, one) + mean(two, two) - 2 * mean(one, two))
    assert cmmd(first, second) == pytest.approx(expected, rel=1e-9)
    assert cmmd(5 * first, second) == pytest.approx(expected, rel=1e-9)
    assert cmmd(first, first[::-1]) == pytest.approx(0, abs=1e-9)


def test_cmmds_bias_is_bounded_as_its_docstring_says() -> None:
    value = cmmd(normals(0, 50, 512), normals(1, 50, 512))
    assert 0 < value < 10 * (1 / 50 + 1 / 50)


def test_too_few_images_and_rows_of_zeros_are_refused() -> None:
    with pytest.raises(ValueError, match="1 images, at least 2"):
        kid_score(normals(0, 1), normals(1, 10), seed=0)
    with pytest.raises(ValueError, match="0 images, at least 1"):
        cmmd(normals(0, 0), normals(1, 10))
    features = normals(0, 5)
    features[2] = 0
    with pytest.raises(ValueError, match="image 2 are all 0"):
        cmmd(features, normals(1, 10))
