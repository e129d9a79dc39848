import numpy as np
import pytest
import torch
from skimage import data
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from zimage_eval.metrics.image import identical, psnr, ssim


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return data.astronaut()


@pytest.fixture(scope="module")
def noisy(astronaut: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 10, astronaut.shape)
    return np.clip(astronaut + noise, 0, 255).round().astype(np.uint8)


def to_torch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.astype(np.float64)).permute(2, 0, 1)[None]


def test_one_gray_level_is_48_13_db() -> None:
    image = np.full((16, 16, 3), 100, dtype=np.uint8)
    assert psnr(image, image + 1) == pytest.approx(20 * np.log10(255), abs=1e-9)
    assert psnr(image, image + 1) == pytest.approx(48.13, abs=0.001)
    # A lower level wraps in uint8 unless the difference is taken in floats.
    assert psnr(image, image - 1) == psnr(image, image + 1)


def test_identical_pictures_have_no_psnr_and_are_counted(astronaut: np.ndarray) -> None:
    assert psnr(astronaut, astronaut.copy()) is None
    assert identical(astronaut, astronaut.copy()) == 1.0
    changed = astronaut.copy()
    changed[0, 0, 0] ^= 1
    assert identical(changed, astronaut) == 0.0
    assert psnr(changed, astronaut) is not None


def test_psnr_equals_torchmetrics(astronaut: np.ndarray, noisy: np.ndarray) -> None:
    reference = peak_signal_noise_ratio(to_torch(noisy), to_torch(astronaut), data_range=255.0)
    assert psnr(noisy, astronaut) == pytest.approx(
        float(reference), abs=1e-5
    )  # its logarithm is float32


def test_ssim_is_wangs(astronaut: np.ndarray, noisy: np.ndarray) -> None:
    assert ssim(noisy, astronaut) == pytest.approx(0.6338180833543794, abs=1e-12)
    assert ssim(astronaut, astronaut) == 1.0
    assert ssim(astronaut, noisy) == pytest.approx(ssim(noisy, astronaut), abs=1e-12)


def test_ssim_equals_torchmetrics_without_its_border(
    astronaut: np.ndarray, noisy: np.ndarray
) -> None:
    a, b = noisy[:96, :96], astronaut[:96, :96]
    _, full = structural_similarity_index_measure(
        to_torch(a), to_torch(b), data_range=255.0, return_full_image=True
    )
    assert ssim(a, b) == pytest.approx(float(full[..., 5:-5, 5:-5].mean()), abs=1e-12)


def test_ssim_of_constant_pictures_has_a_closed_form() -> None:
    low, high = (np.full((32, 32, 3), level, dtype=np.uint8) for level in (100, 150))
    constant = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + constant) / (100**2 + 150**2 + constant)
    assert ssim(low, high) == pytest.approx(expected, abs=1e-9)


def test_ssim_refuses_pictures_smaller_than_its_window() -> None:
    tiny = np.zeros((8, 8, 3), dtype=np.uint8)
    with pytest.raises(ValueError):
        ssim(tiny, tiny)
