"""What a forward of the released transformer costs, by its size alone: no weight is needed.

The sizes of ZImageTransformer2DModel's own arguments are those of the released config.json. On the
device `meta` a forward has shapes and no numbers, so that its operations can be counted anywhere.
"""

import math
from collections.abc import Sequence
from typing import Final

import torch
from diffusers import ZImageTransformer2DModel

from zimage_eval.benchmarks.conditioning.timestep import cost_by_part

PIXELS_PER_LATENT: Final = 8
HEIGHT: Final = 1024
NUM_TOKENS: Final = 64
"""Of the caption, padded; a prompt of a few sentences."""


def measure_released_size(thetas: Sequence[float]) -> dict[str, dict[str, float | None]]:
    """Cost by part of one forward at 1024 x 1024 with 64 caption tokens, and wavelengths.

    Args:
        thetas: bases of the rotary embedding.

    Returns:
        `released,part=<name>`: parameters, operations and their shares. `released,theta=<theta>`:
        the longest wavelength on the caption's axis, in positions.
    """
    side = HEIGHT // PIXELS_PER_LATENT
    with torch.device("meta"):
        transformer = ZImageTransformer2DModel().eval()
        channels = transformer.config.in_channels
        latents = [torch.empty(channels, 1, side, side)]
        captions = [torch.empty(NUM_TOKENS, transformer.config.cap_feat_dim)]
        costs = cost_by_part(
            transformer, lambda: transformer(latents, torch.empty(1), captions, return_dict=False)
        )
    rows: dict[str, dict[str, float | None]] = {
        f"released,part={name}": {**cost} for name, cost in costs.items()
    }
    num_channels = transformer.config.axes_dims[0]
    for theta in thetas:
        longest = 2 * math.pi * theta ** ((num_channels - 2) / num_channels)
        rows[f"released,theta={theta:g}"] = {"longest": longest}
    return rows
