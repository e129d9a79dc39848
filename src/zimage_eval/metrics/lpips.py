"""Learned perceptual distance (Zhang et al. 2018) between pictures of one size."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import lpips
    import torch


def lpips_input(images: Sequence[np.ndarray]) -> "torch.Tensor":
    """(num_images, 3, height, width) float32 in [-1, 1] of (height, width, 3) uint8 pictures.

    The package never checks the range, and [0, 1] or [0, 255] give plausible wrong distances.
    """
    import torch

    stacked = np.stack(images)
    if stacked.dtype != np.uint8 or stacked.ndim != 4 or stacked.shape[-1] != 3:
        raise ValueError(f"want uint8 (height, width, 3), got {stacked.dtype} {stacked.shape[1:]}")
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 127.5 - 1


def lpips_distances(
    images: Sequence[np.ndarray], others: Sequence[np.ndarray], network: "lpips.LPIPS"
) -> list[float]:
    """Distance of each pair, 0 for identical pictures; depends on the size in pixels.

    `network` is of `lpips_trunks.load_lpips` or `lpips_trunks.load_lpips_vgg`; the mean over
    positions is summed over its five layers. Both sides of a picture have the `min_side` of the
    metric's definition at least.
    """
    import torch

    device = next(network.parameters()).device
    with torch.inference_mode():
        distances = network(lpips_input(images).to(device), lpips_input(others).to(device))
    return [float(distance) for distance in distances.flatten()]
