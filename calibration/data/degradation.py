"""What a degraded training picture looks like."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

BLUR_SIGMA: Final = 1.1
"""Standard deviation of the blur, px: soft to the eye, and every fact still readable."""


def degrade(images: Tensor) -> Tensor:
    """Blurred copies of pictures `(num_images, 3, height, width)`, float of any range."""
    offsets = torch.arange(-4, 5, device=images.device, dtype=images.dtype)
    kernel = torch.exp(-(offsets**2) / (2 * BLUR_SIGMA**2))
    kernel = kernel / kernel.sum()
    weight = kernel.view(1, 1, 1, -1).expand(3, 1, 1, -1)
    padded = F.pad(images, (4, 4, 4, 4), mode="replicate")
    blurred = F.conv2d(padded, weight, groups=3)
    return F.conv2d(blurred, weight.transpose(2, 3), groups=3)
