import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2hsv
from skimage.filters import gaussian, sobel

from zimage_eval.metrics.image import (
    EDGE_SLOPE,
    LUMA_REC_601,
    clipped_share,
    edge_density,
    high_frequency_share,
    saturation,
    sharpness,
)


def flat(*color: int) -> np.ndarray:
    return np.full((8, 8, 3), color, dtype=np.uint8)


def test_sharpness_of_one_bright_pixel_has_a_closed_form() -> None:
    image = flat(0, 0, 0).copy()
    image[4, 4] = 100
    # Laplacian: -400 once, 100 four times, 0 elsewhere; the mean is 0.
    assert sharpness(image) == pytest.approx((400**2 + 4 * 100**2) / 64)


def test_sharpness_of_a_slope_is_only_its_mirrored_border() -> None:
    slope = np.repeat(np.arange(8, dtype=np.uint8)[None, :, None] * 10, 8, axis=0).repeat(3, axis=2)
    # Inside 0; a mirrored edge sees +10 or -10 on both sides: 20 at the left, -20 at the right.
    assert sharpness(slope) == pytest.approx(2 * 8 * 20**2 / 64)


def test_sharpness_falls_with_blur() -> None:
    image = data.astronaut()[:128, :128]
    blurred = (gaussian(image, sigma=2, channel_axis=-1) * 255).round().astype(np.uint8)
    assert sharpness(blurred) < sharpness(image) / 4


@pytest.mark.parametrize(
    ("color", "expected"),
    [((255, 0, 0), 1.0), ((90, 90, 90), 0.0), ((0, 0, 0), 0.0), ((200, 150, 100), 0.5)],
)
def test_saturation_is_hsvs(color: tuple[int, int, int], expected: float) -> None:
    assert saturation(flat(*color)) == pytest.approx(expected)


def test_clipped_share_counts_channel_values() -> None:
    assert clipped_share(flat(0, 128, 255)) == pytest.approx(2 / 3)
    assert clipped_share(flat(1, 128, 254)) == 0.0


def gray(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels.round().astype(np.uint8)[..., None], 3, axis=-1)


def test_a_step_has_two_columns_of_edge() -> None:
    """Sobel over 8 sees half of a step on each of its sides."""
    step = np.zeros((10, 20))
    step[:, 8:] = 2 * EDGE_SLOPE + 2
    assert edge_density(gray(step)) == pytest.approx(2 / 20)
    assert edge_density(gray(step).transpose(1, 0, 2)) == pytest.approx(2 / 20)
    step[:, 8:] = 2 * EDGE_SLOPE - 2
    assert edge_density(gray(step)) == 0.0


def test_a_slope_is_an_edge_when_it_is_steep() -> None:
    """s levels a pixel give s, but 0 in the two mirrored columns."""
    for slope, expected in ((15, 0.0), (17, 10 / 12)):
        ramp = np.tile(np.arange(12) * slope, (6, 1))
        assert edge_density(gray(ramp)) == pytest.approx(expected)


def test_edges_are_scikit_images() -> None:
    """Whose Sobel gives a slope of s levels a pixel √2 s."""
    image = data.astronaut()[:128, :128]
    slopes = sobel(image @ LUMA_REC_601, mode="mirror") / np.sqrt(2)
    assert edge_density(image) == (slopes > EDGE_SLOPE).mean()


@pytest.mark.parametrize(("periods", "expected"), [(20, 0.0), (31, 0.0), (33, 1.0), (60, 1.0)])
def test_a_wave_is_high_or_low(periods: int, expected: float) -> None:
    """cos(π k (x + 1/2) / 64) is the k-th wave of the DCT of 64 pixels: k / 128 cycles a pixel."""
    wave = 128 + 100 * np.cos(np.pi * periods * (np.arange(64) + 0.5) / 64)
    image = gray(np.tile(wave, (64, 1)))
    assert high_frequency_share(image) == pytest.approx(expected, abs=1e-3)  # rounded to levels
    assert high_frequency_share(image.transpose(1, 0, 2)) == pytest.approx(expected, abs=1e-3)


def test_diagonal_frequencies_add_up_and_a_sum_is_shared() -> None:
    rows, columns = np.cos(np.pi * 24 * (np.arange(64) + 0.5) / 64), np.ones(64)
    diagonal = 128 + 100 * np.outer(rows, rows)  # 24 √2 / 128 > 0.25
    assert high_frequency_share(gray(diagonal)) == pytest.approx(1.0, abs=1e-3)
    fast = np.cos(np.pi * 48 * (np.arange(64) + 0.5) / 64)
    both = 128 + 80 * np.outer(rows, columns) + 40 * np.outer(fast, columns)
    assert high_frequency_share(gray(both)) == pytest.approx(0.2, abs=2e-3)


def test_one_gray_has_no_frequencies() -> None:
    assert high_frequency_share(flat(90, 90, 90)) is None
    assert edge_density(flat(90, 90, 90)) == 0.0


def test_high_frequencies_fall_with_blur() -> None:
    image = data.astronaut()[:128, :128]
    blurred = (gaussian(image, sigma=2, channel_axis=-1) * 255).round().astype(np.uint8)
    before, after = high_frequency_share(image), high_frequency_share(blurred)
    assert before is not None and after is not None and after < before / 20
    assert edge_density(blurred) < edge_density(image)


def test_saturation_is_scikit_images() -> None:
    image = data.astronaut()[:64, :64]
    assert saturation(image) == pytest.approx(rgb2hsv(image)[..., 1].mean(), abs=1e-9)
