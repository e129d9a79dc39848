"""Tiled decoding of an autoencoder, and how visible the seams between its tiles are."""

from typing import NamedTuple

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.typing import NDArray

from zimage_eval.model.module_views import view_module


class Tiling(NamedTuple):
    """Where diffusers' `AutoencoderKL.tiled_decode` puts its tiles."""

    pitch: int
    """Pixels from the start of a tile to the start of the next tile."""
    blend: int
    """Pixels over which a tile fades into the next one, counted from the start of the next tile."""

    def seams(self, size: int) -> NDArray[np.bool_]:
        """`(size - 1,)` bool: whether the step from a pixel to the next one belongs to a seam.

        A seam is the fade between two tiles with the steps into it and out of it.
        """
        steps = np.arange(1, size)
        return (steps >= self.pitch) & (steps % self.pitch <= self.blend)


def tile_decoder(vae: AutoencoderKL, overlap: float | None) -> AutoencoderKL:
    """A view of the autoencoder that decodes in tiles and shares its weights.

    Args:
        vae: the autoencoder, which stays unchanged.
        overlap: share of a tile that the next tile repeats; None for diffusers' default.
    """
    view = view_module(vae)
    view.enable_tiling()
    if overlap is not None:
        view.tile_overlap_factor = overlap
    return view


def tiling_of(vae: AutoencoderKL) -> Tiling:
    """The tiling of the pictures that an autoencoder decodes."""
    blend = int(vae.tile_sample_min_size * vae.tile_overlap_factor)
    return Tiling(vae.tile_sample_min_size - blend, blend)


def seam_excess(image: torch.Tensor, whole: torch.Tensor, tiling: Tiling) -> float:
    """How much more the difference of two pictures changes at seams than elsewhere, in gray levels.

    Take the difference of the two pictures and its absolute steps from a pixel to the next one,
    along rows and columns. The result is the mean over the steps of `Tiling.seams` minus the mean
    over all other steps; 0 if seams do not
    differ from the rest.

    Args:
        image: decoded in tiles, `(3, height, width)` uint8.
        whole: the same picture, decoded at once.
        tiling: tiling of `image`.

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
    seams, others = np.concatenate(across), np.concatenate(elsewhere)
    if not seams.size:
        raise ValueError(
            f"a picture of {difference.shape[1:]} px has no seam: it must be larger than a tile, "
            f"{sum(tiling)} px"
        )
    return float(seams.mean() - others.mean())
