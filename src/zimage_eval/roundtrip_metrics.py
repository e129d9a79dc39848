"""What a picture lost on its way through an autoencoder, (height, width, 3) uint8 each."""

import numpy as np

from zimage_eval.metrics.image import high_frequency_share
from zimage_eval.metrics.paired import psnr, ssim


def loss_metrics(
    image: np.ndarray, original: np.ndarray, lpips: float, factor: int
) -> dict[str, float | None]:
    """By name: `psnr` (dB, None if identical), `ssim`, `lpips`, and what kind of loss it is.

    `high_frequency_ratio` is the share of fine detail in it over that in the original: below 1 is
    blurred, above 1 has details that were not there. `color_shift` is the largest mean difference
    of a channel, in gray levels. `grid` is `grid_artifact`.

    Args:
        image: as it came back.
        original: as it was sent.
        lpips: distance of the two.
        factor: pixels a latent stands for along a side.
    """
    difference = image.astype(np.float64) - original
    shares = high_frequency_share(image), high_frequency_share(original)
    ratio = shares[0] / shares[1] if shares[0] is not None and shares[1] else None
    return {
        "psnr": psnr(image, original),
        "ssim": ssim(image, original),
        "lpips": lpips,
        "high_frequency_ratio": ratio,
        "color_shift": float(np.abs(difference.mean(axis=(0, 1))).max()),
        "grid": grid_artifact(difference, factor),
    }


def grid_artifact(difference: np.ndarray, factor: int) -> float | None:
    """Whether errors sit at certain places within a latent's pixels, as a checkerboard's do.

    Standard deviation over its `factor` x `factor` places of the mean squared error there, over
    the mean of them: 0 for errors that don't know the grid. A few pictures of little content give
    some by chance. None without any error.
    """
    rows, columns = (size // factor * factor for size in difference.shape[:2])
    squares = np.square(difference[:rows, :columns]).mean(axis=2)
    places = squares.reshape(rows // factor, factor, columns // factor, factor).mean(axis=(0, 2))
    mean = places.mean()
    return float(places.std() / mean) if mean else None
