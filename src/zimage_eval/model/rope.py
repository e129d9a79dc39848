"""Rotary position embedding of the transformer with changed settings: theta, scaling, length.

Axis 0 counts the tokens of a padded caption from 1, and the image stands at the position after
them; axes 1 and 2 are the rows and columns of the image.
"""

from functools import lru_cache

import torch
from diffusers.models.transformers.transformer_z_image import RopeEmbedder

from zimage_eval.config.setting_groups import RopeSettings


def build_rope(embedder: RopeEmbedder, settings: RopeSettings, *, in_refiner: bool) -> RopeEmbedder:
    """A replacement for a transformer's `rope_embedder`, which is not changed.

    Args:
        embedder: the transformer's; its axes, the lengths of axes 1 and 2 and its trained theta are
            kept.
        settings: with the model's own settings the result is bit-identical to `embedder`.
        in_refiner: whether it is for the context refiner, where a theta of any scope applies.
    """
    lengths = (settings.table_length, *embedder.axes_lens[1:])
    rope = RopeEmbedder(embedder.theta, embedder.axes_dims, list(lengths))
    rope.freqs_cis = list(
        _tables(
            tuple(embedder.axes_dims),
            lengths,
            axis_thetas(embedder, settings, in_refiner),
            settings,
        )
    )
    return rope


def axis_thetas(
    embedder: RopeEmbedder, settings: RopeSettings, in_refiner: bool
) -> tuple[float, ...]:
    """Theta, the base of the wavelengths, of each axis, with the NTK scaling of axis 0.

    NTK scaling by s multiplies theta by s ** (d / (d - 2)) for d channels: the longest wavelength
    grows s times, the shortest stays, and those between follow a geometric series.
    """
    theta, scope = settings.rope_theta, settings.rope_theta_scope
    everywhere = scope == "all" or (scope == "refiner" and in_refiner)
    first = theta if everywhere or scope == "caption" else embedder.theta
    channels = embedder.axes_dims[0]
    if settings.ntk_scaling != 1:
        first = first * settings.ntk_scaling ** (channels / (channels - 2))
    return (first, *[theta if everywhere else embedder.theta for _ in embedder.axes_dims[1:]])


def rotations(channels: int, length: int, theta: float, scaling: float) -> torch.Tensor:
    """Rotations `(length, channels / 2)` complex64 at positions 0, 1 / scaling, 2 / scaling, ...

    The wavelengths are `2 pi * theta ** (i / channels)` for i = 0, 2, ... The computation has the
    precision of diffusers' RopeEmbedder, and is bit-identical to it for a scaling of 1.
    """
    even = torch.arange(0, channels, 2, dtype=torch.float64)
    frequencies = 1.0 / (theta ** (even / channels))
    positions = torch.arange(length, dtype=torch.float64) / scaling
    angles = torch.outer(positions, frequencies).float()
    return torch.polar(torch.ones_like(angles), angles)


@lru_cache(maxsize=64)
def _tables(
    channels: tuple[int, ...],
    lengths: tuple[int, ...],
    thetas: tuple[float, ...],
    settings: RopeSettings,
) -> tuple[torch.Tensor, ...]:
    scalings = (settings.linear_scaling, *[1.0 for _ in channels[1:]])
    axes = zip(channels, lengths, thetas, scalings, strict=True)
    return tuple(rotations(*axis) for axis in axes)
