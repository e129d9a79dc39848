"""Sampling with the batched forward: ZImagePipeline's schedule and Euler's steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from diffusers import ZImageTransformer2DModel
from torch import Tensor

from calibration.data.latent_data import Captions
from calibration.evaluation.batched_transformer import make_rotations, predict_batch


def shift_sigmas(u: Tensor, shift: float) -> Tensor:
    """Noise levels in [0, 1] after the scheduler's time shift."""
    return shift * u / (1 + (shift - 1) * u)


def schedule(num_steps: int, shift: float) -> Tensor:
    """ZImagePipeline's sigmas with the final 0, `(num_steps + 1,)`."""
    grid = torch.linspace(1, 1 / num_steps, num_steps, dtype=torch.float64)
    return torch.cat([shift_sigmas(grid, shift), torch.zeros(1, dtype=torch.float64)]).float()


def predict_data(
    model: ZImageTransformer2DModel, latents: Tensor, sigmas: Tensor, captions: Captions
) -> Tensor:
    """The transformer's output, data minus noise, in bf16 on a GPU; returned as fp32.

    Args:
        model: prepared by `use_batched_attention`.
        latents: `(batch, channels, height, width)`.
        sigmas: noise levels, `(batch,)`.
        captions: as many texts, or one for all.
    """
    rows, columns = latents.shape[2] // 2, latents.shape[3] // 2
    rotations = make_rotations(model, captions.embeds.shape[1], rows, columns)
    embeds = captions.embeds.float().expand(len(latents), -1, -1)
    lengths = captions.lengths.expand(len(latents))
    with torch.autocast(latents.device.type, torch.bfloat16, enabled=latents.is_cuda):
        return predict_batch(model, latents, 1 - sigmas, embeds, lengths, rotations).float()


@dataclass(frozen=True)
class Guidance:
    """Classifier-free guidance `cond + scale * (cond - uncond)`."""

    null: Captions
    """The empty caption, one row."""
    scale: float


@torch.no_grad()
def sample(
    model: ZImageTransformer2DModel,
    noise: Tensor,
    captions: Captions,
    sigmas: Sequence[float],
    guidance: Guidance,
) -> Tensor:
    """Euler's steps from `noise` along `sigmas`: all states, `(len(sigmas), batch, ...)`."""
    states = [noise]
    for sigma, following in pairwise(sigmas):
        levels = torch.full((len(noise),), sigma, device=noise.device)
        output = predict_data(model, states[-1], levels, captions)
        if guidance.scale > 0:
            free = predict_data(model, states[-1], levels, guidance.null)
            output = output + guidance.scale * (output - free)
        states.append(states[-1] + (sigma - following) * output)
    return torch.stack(states)
