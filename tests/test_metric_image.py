import numpy as np
import pytest
from skimage import data
from skimage.filters import gaussian

from zimage_eval.metric_image import clipped_share, saturation, sharpness


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
