"""Statistics of one picture and of two, (height, width, 3) uint8, and what a picture cost."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

LUMA_REC_601 = np.array([0.299, 0.587, 0.114])
EDGE_SLOPE = 16.0
"""Gray levels a pixel; steeper is an edge. A step of one level a pixel in flat parts is none."""
HIGH_FREQUENCY = 0.25
"""Cycles a pixel, half of what the grid can show: details of under four pixels."""


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of luma, in squared gray levels.

    Rec. 601 luma 0..255 without rounding, kernel [[0, 1, 0], [1, -4, 1], [0, 1, 0]], borders
    mirrored without repeating the edge: OpenCV's `Laplacian(gray, CV_64F).var()`, the usual blur
    measure (Pech-Pacheco et al. 2000). Grows with noise too, and depends on the size in pixels.
    """
    return float(ndimage.laplace(_luma(image), mode="mirror").var())


def edge_density(image: np.ndarray) -> float:
    """Share of pixels on an edge, where luma changes by more than 16 gray levels a pixel.

    The length of the gradient by Sobel's kernels over 8, so that a slope of s levels a pixel gives
    s; borders mirrored without repeating the edge.
    """
    luma = _luma(image)
    slopes = [ndimage.sobel(luma, axis=axis, mode="mirror") / 8 for axis in (0, 1)]
    return float((np.hypot(*slopes) > EDGE_SLOPE).mean())


def high_frequency_share(image: np.ndarray) -> float | None:
    """Share of the variance of luma at 0.25 cycles a pixel and above, in [0, 1].

    By the orthonormal DCT-II, which mirrors the picture at its borders, where a Fourier transform
    would see an edge; frequency is the length of (row, column) frequencies. None for a picture of
    one gray, which has no variance.
    """
    power = np.square(fft.dctn(_luma(image), norm="ortho"))
    power[0, 0] = 0.0  # the mean
    if power.sum() < 1e-9 * power.size:
        return None
    rows, columns = (np.arange(size) / (2 * size) for size in power.shape)
    is_high = np.hypot(rows[:, None], columns[None, :]) >= HIGH_FREQUENCY
    return float(power[is_high].sum() / power.sum())


def saturation(image: np.ndarray) -> float:
    """Mean HSV saturation (max - min) / max over pixels, in [0, 1]; a black pixel counts as 0."""
    highest = image.max(axis=-1).astype(np.float64)
    spread = highest - image.min(axis=-1)
    return float(np.divide(spread, highest, out=np.zeros_like(spread), where=highest > 0).mean())


def clipped_share(image: np.ndarray) -> float:
    """Share of channel values at the ends of the range, 0 or 255."""
    return float(((image == 0) | (image == 255)).mean())


def _luma(image: np.ndarray) -> NDArray[np.float64]:
    """(height, width) Rec. 601 luma in 0..255, not rounded."""
    return np.asarray(image @ LUMA_REC_601, dtype=np.float64)


def num_forwards(evaluations: int) -> float:
    """Transformer evaluations for the image; with guidance, two a step."""
    return float(evaluations)


def identical(image: np.ndarray, baseline: np.ndarray) -> float:
    """1.0 when no pixel differs, else 0.0; its mean counts the pairs that have no finite PSNR."""
    return float(np.array_equal(image, baseline))


def psnr(image: np.ndarray, baseline: np.ndarray) -> float | None:
    """Peak signal-to-noise ratio in dB over all channels (scikit-image, peak 255).

    None for identical pictures, where it is infinite: a cap would be a made-up number.
    """
    if np.array_equal(image, baseline):
        return None
    return float(peak_signal_noise_ratio(baseline, image, data_range=255))


def ssim(image: np.ndarray, baseline: np.ndarray) -> float:
    """Structural similarity with the settings of Wang et al. 2004, mean over RGB; 1 is identical.

    11 x 11 Gaussian window of sigma 1.5, population covariance, peak 255, border of 5 px left out
    (scikit-image). Its default, a 7 x 7 uniform window, gives other numbers.

    Raises:
        ValueError: a side is shorter than the window.
    """
    return float(
        structural_similarity(
            baseline,
            image,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
            channel_axis=-1,
        )
    )
