"""Record the forwards of one denoising run, and repeat them with a changed transformer.

On the same latents, an error is caused by the change alone. Along its own run, an error grows with
every step, and the picture can end far from another picture that is equally good.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from diffusers import ZImagePipeline, ZImageTransformer2DModel

from zimage_eval.config.settings import Settings
from zimage_eval.sampling.denoising import initial_latents, sample_latents


class Forward(NamedTuple):
    """The inputs of one forward of a transformer, without guidance."""

    latents: list[torch.Tensor]
    """`(channels, 1, rows, columns)` per image."""
    timesteps: torch.Tensor
    """`(batch,)`, 0 for noise and 1 for an image."""
    captions: list[torch.Tensor]
    """`(num_tokens, hidden_size)` per image."""


def record_forwards(
    pipe: ZImagePipeline,
    prompt_embeds: Sequence[torch.Tensor],
    seeds: Sequence[int],
    settings: Settings,
) -> list[Forward]:
    """Denoise a batch once without guidance, and record the inputs of every forward."""
    forwards: list[Forward] = []

    def keep(_: torch.nn.Module, args: tuple[list[torch.Tensor], torch.Tensor, list]) -> None:
        forwards.append(Forward([x.clone() for x in args[0]], args[1].clone(), list(args[2])))

    unguided = settings.model_copy(
        update={"sampler": settings.sampler.model_copy(update={"guidance_scale": 0.0})}
    )
    handle = pipe.transformer.register_forward_pre_hook(keep)
    try:
        noise = initial_latents(pipe, seeds, settings.image)
        sample_latents(pipe, prompt_embeds, None, noise, unguided)
    finally:
        handle.remove()
    return forwards


@torch.no_grad()
def replay_forward(transformer: ZImageTransformer2DModel, forward: Forward) -> torch.Tensor:
    """Velocities `(batch, channels, 1, rows, columns)` float32; inputs are cast to the dtype."""
    dtype = transformer.dtype
    velocities = transformer(
        [x.to(dtype) for x in forward.latents],
        forward.timesteps,
        [caption.to(dtype) for caption in forward.captions],
        return_dict=False,
    )[0]
    return torch.stack([velocity.float() for velocity in velocities])


def relative_errors(values: torch.Tensor, references: torch.Tensor) -> list[float]:
    """For each image of a batch: norm of the difference over norm of the reference."""
    differences = (values - references).flatten(1).norm(dim=1)
    return (differences / references.flatten(1).norm(dim=1)).tolist()
