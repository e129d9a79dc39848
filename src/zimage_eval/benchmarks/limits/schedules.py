"""Noise levels and number of transformer evaluations, as a call of the pipeline makes them."""

import itertools
from collections.abc import Mapping, Sequence

import torch
from diffusers import ZImagePipeline

from zimage_eval.config.benchmarks import ScheduleRecipe
from zimage_eval.config.setting_groups import ImageSettings, SamplerSettings
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant
from zimage_eval.sampling.denoising import Sample, initial_latents, sample_latents

SAME_LEVEL = 1e-6
"""Two noise levels that differ by less are one; they are float32."""


def schedule_name(sampler: SamplerSettings) -> str:
    """`schedule,shift,steps,guidance` in words; samplers that share it make the same schedule."""
    names = [] if sampler.sigma_schedule == "own" else [f"sigma_schedule={sampler.sigma_schedule}"]
    names += [f"shift={sampler.shift:g}", f"num_inference_steps={sampler.num_inference_steps}"]
    return ",".join([*names, f"guidance_scale={'on' if sampler.guidance_scale else 'off'}"])


def collect_samplers(
    variants: Sequence[Variant], recipes: Mapping[str, ScheduleRecipe], defaults: Settings
) -> dict[str, SamplerSettings]:
    """Every distinct schedule of the model's defaults, the variants and the recipes, by name."""
    samplers = [defaults.sampler, *(variant.settings.sampler for variant in variants)]
    samplers += [recipe_sampler(recipe, defaults) for recipe in recipes.values()]
    return {schedule_name(sampler): sampler for sampler in samplers}


def recipe_sampler(recipe: ScheduleRecipe, defaults: Settings) -> SamplerSettings:
    """A recipe as settings of a sampler."""
    changes = recipe.model_dump() | {"sigma_schedule": "own"}
    return defaults.sampler.model_copy(update=changes)


def run_schedule(pipe: ZImagePipeline, sampler: SamplerSettings, settings: Settings) -> Sample:
    """One picture of a single patch, through the pipeline's own loop, under a random caption."""
    side = pipe.vae_scale_factor * 2
    generator = torch.Generator().manual_seed(0)
    caption = torch.randn((1, pipe.transformer.config.cap_feat_dim), generator=generator)
    return sample_latents(
        pipe,
        [caption],
        [caption] if sampler.guidance_scale else None,
        initial_latents(pipe, [0], ImageSettings(height=side, width=side)),
        settings.model_copy(update={"sampler": sampler}),
    )


def shifted_sigmas(shift: float, num_steps: int) -> list[float]:
    """The released schedule in closed form: `shift s / (1 + (shift - 1) s)`, s = 1 ... 1/n, 0."""
    even = [(num_steps - step) / num_steps for step in range(num_steps + 1)]
    return [shift * sigma / (1 + (shift - 1) * sigma) for sigma in even]


def largest_difference(sigmas: Sequence[float], others: Sequence[float]) -> float:
    """Between two schedules of equally many levels, level by level; 1 if not equally many."""
    if len(sigmas) != len(others):
        return 1.0
    return max(abs(one - other) for one, other in zip(sigmas, others, strict=True))


def shared_levels(sigmas: Sequence[float], others: Sequence[float]) -> int:
    """How many of a schedule's levels above 0 stand in another one."""
    return sum(any(abs(one - other) < SAME_LEVEL for other in others[:-1]) for one in sigmas[:-1])


def schedule_row(sample: Sample, trained: Sequence[float]) -> dict[str, float | None]:
    """Numbers of one schedule; `trained` are the levels of the model's own."""
    sigmas = sample.sigmas
    steps = [one - other for one, other in itertools.pairwise(sigmas)]
    return {
        "num_forwards": sample.num_forwards,
        "num_steps": len(steps),
        "wasted_steps": sum(step == 0 for step in steps),
        "last_sigma": sigmas[-2],
        "largest_step": max(steps),
        "levels_of_own_schedule": shared_levels(sigmas, trained),
    }


def schedule_checks(
    samplers: Mapping[str, SamplerSettings], samples: Mapping[str, Sample], own: str
) -> dict[str, float | None]:
    """What was found, as statements that hold (1) or not (0)."""
    costs = {
        name: sampler.num_inference_steps * (2 if sampler.guidance_scale else 1)
        for name, sampler in samplers.items()
    }
    plain = [name for name, sampler in samplers.items() if sampler.sigma_schedule == "own"]
    closed = [
        largest_difference(
            samples[name].sigmas,
            shifted_sigmas(samplers[name].shift, samplers[name].num_inference_steps),
        )
        for name in plain
    ]
    steps = samplers[own].num_inference_steps
    one_more = samplers[own].model_copy(update={"num_inference_steps": steps + 1})
    checks: dict[str, bool | None] = {
        "forwards_are_steps_and_guidance_doubles_them": all(
            samples[name].num_forwards == cost for name, cost in costs.items()
        ),
        "no_step_is_wasted": not any(
            schedule_row(sample, sample.sigmas)["wasted_steps"] for sample in samples.values()
        ),
        "sigmas_are_shifted_even_spacing": max(closed) < SAME_LEVEL,
        "guidance_leaves_sigmas_alone": all(
            samples[name].sigmas == samples[name.replace("=on", "=off")].sigmas
            for name in samples
            if name.replace("=on", "=off") in samples
        ),
    }
    if schedule_name(one_more) in samples:
        levels = samples[schedule_name(one_more)].sigmas
        # 1 is where every schedule begins; one that only appends a step would share them all.
        checks["one_step_more_is_another_schedule"] = (
            shared_levels(levels, samples[own].sigmas) < steps
        )
    return {name: float(bool(holds)) for name, holds in checks.items()}
