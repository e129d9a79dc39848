"""Metrics from the pixels of a picture, or of a pair of pictures, (height, width, 3) uint8 each."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

LUMA_REC_601 = np.array([0.299, 0.587, 0.114])
EDGE_SLOPE = 16.0
"""Gray levels a pixel: a steeper slope is an edge. The small slopes of flat parts are not."""
HIGH_FREQUENCY = 0.25
"""Cycles a pixel, half of the highest possible frequency: details smaller than four pixels."""


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of luma, in squared gray levels.

    Rec. 601 luma 0..255 without rounding, kernel [[0, 1, 0], [1, -4, 1], [0, 1, 0]], borders
    mirrored without repeating the edge: OpenCV's `Laplacian(gray, CV_64F).var()`, the usual blur
    measure (Pech-Pacheco et al. 2000). It grows with noise too, and depends on the picture's size.
    """
    return float(ndimage.laplace(_luma(image), mode="mirror").var())


def edge_density(image: np.ndarray) -> float:
    """Share of pixels on an edge, where luma changes by more than 16 gray levels a pixel.

    The length of the gradient by Sobel's kernels, divided by 8 so that a slope of s levels a pixel
    gives s; borders mirrored without repeating the edge.
    """
    luma = _luma(image)
    slopes = [ndimage.sobel(luma, axis=axis, mode="mirror") / 8 for axis in (0, 1)]
    return float((np.hypot(*slopes) > EDGE_SLOPE).mean())


def high_frequency_share(image: np.ndarray) -> float | None:
    """Share of the variance of luma at 0.25 cycles a pixel and above, in [0, 1].

    By the orthonormal DCT-II, which mirrors the picture at its borders; a Fourier transform would
    see an edge there. The frequency of a coefficient is the length of its (row, column) frequency.
    None for a picture of one gray level, which has no variance.
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
    """Number of transformer evaluations for the image; with guidance, two for each step."""
    return float(evaluations)


def identical(image: np.ndarray, baseline: np.ndarray) -> float:
    """1.0 when no pixel differs, else 0.0; its mean is the share of pairs with an infinite PSNR."""
    return float(np.array_equal(image, baseline))


def psnr(image: np.ndarray, baseline: np.ndarray) -> float | None:
    """Peak signal-to-noise ratio in dB over all channels (scikit-image, peak 255).

    None for identical pictures, where it is infinite: any cap would be an invented number.
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
