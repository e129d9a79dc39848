"""Distances between a picture and the baseline's picture of the same prompt and seed.

Both are (height, width, 3) uint8 of one size: what was saved, not the decoder's floats.
"""

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


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
