"""Denoise latents from noise and prompt embeddings, with ZImagePipeline's loop and noise levels."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, ZImagePipeline, ZImageTransformer2DModel
from torch import nn

from zimage_eval.config.setting_groups import ImageSettings, SamplerSettings
from zimage_eval.config.settings import Settings
from zimage_eval.model.captions import RefinerFit
from zimage_eval.model.module_views import Remembered
from zimage_eval.model.transformer import view_transformer

_NAMED_SCHEDULES: Final = ("karras", "exponential", "beta")


class Sample(NamedTuple):
    """A denoised batch, with the schedule and the number of forwards it took."""

    latents: torch.Tensor
    """`(batch, channels, rows, columns)` float32, on the pipeline's device."""
    sigmas: tuple[float, ...]
    """The schedule, from pure noise at 1 to 0."""
    num_forwards: int
    """Transformer evaluations for each image; with guidance, two in a step."""


def initial_latents(
    pipe: ZImagePipeline, seeds: Sequence[int], image: ImageSettings
) -> torch.Tensor:
    """Noise `(batch, channels, rows, columns)`, float32 on the CPU.

    Image i depends on seed i alone. The noise is the same for every device, and the same as
    ZImagePipeline draws from CPU generators.
    """
    rows, columns = image.height // pipe.vae_scale_factor, image.width // pipe.vae_scale_factor
    shape = (1, pipe.transformer.config.in_channels, rows, columns)
    return torch.cat(
        [torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
    )


@torch.no_grad()
def sample_latents(
    pipe: ZImagePipeline,
    prompt_embeds: Sequence[torch.Tensor],
    negative_prompt_embeds: Sequence[torch.Tensor] | None,
    latents: torch.Tensor,
    settings: Settings,
    fit: RefinerFit | None = None,
) -> Sample:
    """Denoise a batch; no argument is changed, so threads may share a pipeline.

    Args:
        pipe: with or without text side.
        prompt_embeds: `(num_tokens, hidden_size)` for each image. With one padded length for all,
            no attention mask is needed.
        negative_prompt_embeds: as many as `prompt_embeds`; None if `guidance_scale` is 0.
        latents: the noise, `(batch, channels, rows, columns)` float32.
        settings: those of the encoder, the size and the negative prompt are not read, because the
            embeddings and latents are given.
        fit: the captions that `refiner_delta: linear` is fitted on.

    Raises:
        FloatingPointError: a setting of the rotary embedding is too large for a number.
    """
    sampler = settings.sampler
    scheduler = build_scheduler(pipe.scheduler, sampler)
    try:
        transformer = view_transformer(pipe.transformer, settings, fit)
    except OverflowError as error:  # Python's numbers raise where tensors would hold inf
        raise FloatingPointError(f"rotary embedding is not finite: {error}") from error
    _refine_captions_once(transformer, settings)
    evaluations: list[int] = []
    transformer.register_forward_pre_hook(lambda _, args: evaluations.append(len(args[0])))
    call_pipe = type(pipe)(
        **{**pipe.components, "scheduler": scheduler, "transformer": transformer}
    )
    call_pipe.set_progress_bar_config(disable=True)
    with np.errstate(all="ignore"):  # sigmas that are not finite are told where images are decoded
        denoised = call_pipe(
            prompt_embeds=_to_transformer(pipe, prompt_embeds),
            negative_prompt_embeds=_to_transformer(pipe, negative_prompt_embeds),
            latents=latents.clone(),
            height=latents.shape[2] * pipe.vae_scale_factor,
            width=latents.shape[3] * pipe.vae_scale_factor,
            num_inference_steps=sampler.num_inference_steps,
            guidance_scale=sampler.guidance_scale,
            output_type="latent",
        ).images
    return Sample(
        latents=denoised,
        sigmas=tuple(scheduler.sigmas.tolist()),
        num_forwards=sum(evaluations) // len(latents),
    )


def build_scheduler(
    scheduler: FlowMatchEulerDiscreteScheduler, sampler: SamplerSettings
) -> FlowMatchEulerDiscreteScheduler:
    """A new scheduler with the shift and schedule of `sampler`; the given one is not changed.

    ZImagePipeline passes evenly spaced sigmas from 1 to 1 / num_inference_steps, which the
    scheduler shifts. Karras, exponential and beta then space as many sigmas anew between the
    largest and the smallest of these. With the dynamic shift, `shift` is not read: the number of
    image tokens decides it.
    """
    changes: dict[str, object] = {"shift": sampler.shift}
    if sampler.sigma_schedule in _NAMED_SCHEDULES:
        changes |= {
            f"use_{name}_sigmas": name == sampler.sigma_schedule for name in _NAMED_SCHEDULES
        }
    elif sampler.sigma_schedule == "dynamic_shift":
        changes["use_dynamic_shifting"] = True
    return type(scheduler).from_config(scheduler.config, **changes)


@torch.no_grad()
def predict_velocity(
    transformer: ZImageTransformer2DModel,
    latents: torch.Tensor,
    sigma: float,
    prompt_embeds: Sequence[torch.Tensor],
) -> torch.Tensor:
    """The velocity `(batch, channels, rows, columns)`, float32 on the CPU.

    Its sign is that of ZImagePipeline, the negative of the transformer's output.

    Args:
        transformer: on any device, in any number format.
        latents: `(batch, channels, rows, columns)`, rows and columns even.
        sigma: noise level from 1 (pure noise) to 0; the transformer gets 1 - sigma.
        prompt_embeds: `(num_tokens, hidden_size)` for each image.
    """
    device, dtype = transformer.device, transformer.dtype
    images = list(latents.to(device, dtype).unsqueeze(2).unbind(0))
    captions = [embeds.to(device, dtype) for embeds in prompt_embeds]
    time = torch.full((len(images),), 1 - sigma, device=device)
    out = transformer(images, time, captions, return_dict=False)[0]
    return -torch.stack(list(out)).squeeze(2).float().cpu()


def relative_change(changed: torch.Tensor, reference: torch.Tensor) -> float:
    """Norm of the difference over the norm of the reference, in float64; 0 for equal tensors."""
    difference = (changed.double() - reference.double()).norm()
    return float(difference / reference.double().norm())


def _refine_captions_once(transformer: ZImageTransformer2DModel, settings: Settings) -> None:
    """Embed and refine a batch's captions in the first step only: no later one changes them.

    The bits stay the same. A refiner that is modulated by the timestep runs in every step.
    """
    transformer.cap_embedder = Remembered(transformer.cap_embedder)
    if not settings.refiner.refiner_timestep:
        [refiner] = transformer.context_refiner
        transformer.context_refiner = nn.ModuleList([Remembered(refiner)])


def _to_transformer(
    pipe: ZImagePipeline, embeds: Sequence[torch.Tensor] | None
) -> list[torch.Tensor] | None:
    if embeds is None:
        return None
    return [entry.to(pipe.transformer.device, pipe.transformer.dtype) for entry in embeds]
