"""Flow-matching loss of a transformer on pairs it was not trained on, by noise level."""

from collections.abc import Sequence
from typing import Final

import torch
from diffusers import ZImageTransformer2DModel

from calibration.data.latent_data import PairGroup
from calibration.evaluation.batched_sampling import predict_data, shift_sigmas

_NUM_LEVELS: Final = 10
_BATCH_SIZE: Final = 1024
_NOISE_SEED: Final = 5


def noise_levels(shift: float) -> list[float]:
    """Ten noise levels, highest first: the middles of even spans, shifted as training shifts."""
    even = (torch.arange(_NUM_LEVELS, dtype=torch.float64).flip(0) + 0.5) / _NUM_LEVELS
    return shift_sigmas(even, shift).tolist()


@torch.no_grad()
def measure_loss(
    model: ZImageTransformer2DModel, groups: Sequence[PairGroup], shift: float
) -> dict[str, float]:
    """Mean squared error of data minus noise, the noise of every pair being the same at each call.

    Args:
        model: prepared by `use_batched_attention`.
        groups: held-out pairs.
        shift: of the noise levels.

    Returns:
        Losses at `sigma=<level>`, and their means over `early` steps (the five highest levels),
        `late` ones and `all`.
    """
    rng = torch.Generator(device=groups[0].latents.device).manual_seed(_NOISE_SEED)
    levels = noise_levels(shift)
    sums = dict.fromkeys(levels, 0.0)
    for group in groups:
        for start in range(0, len(group.latents), _BATCH_SIZE):
            part = slice(start, start + _BATCH_SIZE)
            data, captions = group.latents[part].float(), group.captions.rows(part)
            noise = torch.randn(data.shape, generator=rng, device=data.device)
            for level in levels:
                noisy = (1 - level) * data + level * noise
                sigmas = torch.full((len(data),), level, device=data.device)
                error = predict_data(model, noisy, sigmas, captions) - (data - noise)
                sums[level] += error.square().mean(dim=(1, 2, 3)).sum().item()
    num_pairs = sum(len(group.latents) for group in groups)
    losses = [total / num_pairs for total in sums.values()]
    half = _NUM_LEVELS // 2
    return {
        **{f"sigma={level:.3f}": loss for level, loss in zip(levels, losses, strict=True)},
        "early": sum(losses[:half]) / half,
        "late": sum(losses[half:]) / half,
        "all": sum(losses) / _NUM_LEVELS,
    }
