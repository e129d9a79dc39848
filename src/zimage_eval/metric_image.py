"""Statistics of one picture, (height, width, 3) uint8."""

import numpy as np
from scipy import ndimage

LUMA_REC_601 = np.array([0.299, 0.587, 0.114])


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of luma, in squared gray levels.

    Rec. 601 luma 0..255 without rounding, kernel [[0, 1, 0], [1, -4, 1], [0, 1, 0]], borders
    mirrored without repeating the edge: OpenCV's `Laplacian(gray, CV_64F).var()`, the usual blur
    measure (Pech-Pacheco et al. 2000). Grows with noise too, and depends on the size in pixels.
    """
    return float(ndimage.laplace(image @ LUMA_REC_601, mode="mirror").var())


def saturation(image: np.ndarray) -> float:
    """Mean HSV saturation (max - min) / max over pixels, in [0, 1]; a black pixel counts as 0."""
    highest = image.max(axis=-1).astype(np.float64)
    spread = highest - image.min(axis=-1)
    return float(np.divide(spread, highest, out=np.zeros_like(spread), where=highest > 0).mean())


def clipped_share(image: np.ndarray) -> float:
    """Share of channel values at the ends of the range, 0 or 255."""
    return float(((image == 0) | (image == 255)).mean())
