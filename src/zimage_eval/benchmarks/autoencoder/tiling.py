"""An autoencoder that works tile by tile, and the seams that this leaves in its pictures."""

from typing import NamedTuple

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from zimage_eval.model.module_views import view_module


class Tiling(NamedTuple):
    """Where diffusers' `AutoencoderKL.tiled_decode` puts its tiles."""

    pitch: int
    """Pixels from one tile's beginning to the next one's."""
    blend: int
    """Pixels over which a tile fades into the next one, from the next one's beginning."""

    def seams(self, size: int) -> NDArray[np.bool_]:
        """`(size - 1,)`: whether the step from a pixel to the next one lies where tiles meet.

        The fade and the steps into it and out of it.
        """
        steps = np.arange(1, size)
        return (steps >= self.pitch) & (steps % self.pitch <= self.blend)


def tile_decoder(vae: AutoencoderKL, overlap: float | None) -> AutoencoderKL:
    """The autoencoder with tiling on, sharing its weights.

    Args:
        vae: it is left as it is.
        overlap: share of a tile that the next one repeats; None for diffusers' own.
    """
    view = view_module(vae)
    view.enable_tiling()
    if overlap is not None:
        view.tile_overlap_factor = overlap
    return view


def tiling_of(vae: AutoencoderKL) -> Tiling:
    """How it tiles the pictures that it decodes."""
    blend = int(vae.tile_sample_min_size * vae.tile_overlap_factor)
    return Tiling(vae.tile_sample_min_size - blend, blend)


def seam_excess(image: torch.Tensor, whole: torch.Tensor, tiling: Tiling) -> float:
    """How much more the difference of two pictures changes where tiles meet than elsewhere.

    Mean absolute step of the difference from a pixel to the next one, in gray levels, over the
    steps of `Tiling.seams` minus over all other steps, rows and columns together; 0 where seams
    can't be told from the rest.

    Args:
        image: decoded in tiles, `(3, height, width)` uint8.
        whole: decoded at once.
        tiling: of the first.

    Raises:
        ValueError: the picture is not larger than a tile.
    """
    difference = image.numpy().astype(np.float64) - whole.numpy()
    across, elsewhere = [], []
    for axis in (1, 2):
        steps = np.abs(np.diff(difference, axis=axis))
        is_seam = tiling.seams(difference.shape[axis])
        across.append(steps.compress(is_seam, axis=axis).ravel())
        elsewhere.append(steps.compress(~is_seam, axis=axis).ravel())
    seams, rest = np.concatenate(across), np.concatenate(elsewhere)
    if not seams.size:
        raise ValueError(f"a picture of {difference.shape[1:]} is one tile of {sum(tiling)} px")
    return float(seams.mean() - rest.mean())
