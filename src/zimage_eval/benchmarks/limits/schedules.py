"""Noise levels and transformer evaluations of every schedule, from real calls of the pipeline."""

import itertools
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from zimage_eval.config.benchmarks import ScheduleRecipe
from zimage_eval.config.model_spec import DtypeSettings, ModelSpec
from zimage_eval.config.setting_groups import ImageSettings, SamplerSettings
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant
from zimage_eval.model.folder import IMAGE_PARTS, check_parts, weights_digest
from zimage_eval.output.store import Store, load_or_compute
from zimage_eval.output.stored.entry_keys import computed_by, entry_key

# torch and diffusers take seconds to import, and what the store holds needs neither.
if TYPE_CHECKING:
    from diffusers import ZImagePipeline

SAME_LEVEL = 1e-6
"""Two noise levels, which are float32, count as equal if they differ by less."""


class Schedule(NamedTuple):
    """What a run of the pipeline took."""

    sigmas: tuple[float, ...]
    """From pure noise at 1 to 0."""
    num_forwards: int
    """Transformer evaluations of an image; with guidance, two in a step."""


def schedule_name(sampler: SamplerSettings) -> str:
    """The name of a sampler's schedule: `schedule,shift,steps,guidance`, as `key=value` pairs.

    Samplers with the same name have the same schedule.
    """
    names = [] if sampler.sigma_schedule == "own" else [f"sigma_schedule={sampler.sigma_schedule}"]
    names += [f"shift={sampler.shift:g}", f"num_inference_steps={sampler.num_inference_steps}"]
    return ",".join([*names, f"guidance_scale={'on' if sampler.is_guided else 'off'}"])


def collect_samplers(
    variants: Sequence[Variant], recipes: Mapping[str, ScheduleRecipe], defaults: Settings
) -> dict[str, SamplerSettings]:
    """Every distinct schedule of the model's defaults, the variants and the recipes, by name."""
    samplers = [defaults.sampler, *(variant.settings.sampler for variant in variants)]
    samplers += [recipe_sampler(recipe, defaults) for recipe in recipes.values()]
    return {schedule_name(sampler): sampler for sampler in samplers}


def recipe_sampler(recipe: ScheduleRecipe, defaults: Settings) -> SamplerSettings:
    """The sampler settings of a recipe; all other values are the model's defaults."""
    changes = recipe.model_dump() | {"sigma_schedule": "own"}
    return defaults.sampler.model_copy(update=changes)


def run_schedules(
    spec: ModelSpec, folder: Path, samplers: Mapping[str, SamplerSettings], store: Store
) -> dict[str, Schedule]:
    """The schedule of each sampler, from the store of results or by `run_schedule`.

    Args:
        spec: settings of the model.
        folder: of its weights.
        samplers: by the schedule's name.
        store: of results.

    Raises:
        ValueError: weights are missing, or there is too little memory for them.
    """
    shared = {
        "kind": "schedule",
        "defaults": spec.defaults.model_dump(),
        "dtype": spec.dtype.model_dump(),
        "weights": weights_digest(folder, IMAGE_PARTS),
        **computed_by(__name__),
    }
    load_pipe = cache(partial(_load_pipe, folder, spec.dtype))

    def run(sampler: SamplerSettings) -> Schedule:
        return run_schedule(load_pipe(), sampler, spec.defaults)

    schedules = {}
    for name, sampler in samplers.items():
        key = entry_key(sampler=sampler.model_dump(), **shared)
        sigmas, num_forwards = load_or_compute(store, key, partial(run, sampler))
        schedules[name] = Schedule(tuple(sigmas), num_forwards)
    return schedules


def _load_pipe(folder: Path, dtype: DtypeSettings) -> "ZImagePipeline":
    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.memory import check_memory
    from zimage_eval.model.transformer import load_image_side

    device = pick_device()
    check_parts(folder, IMAGE_PARTS)
    check_memory(folder, dtype, IMAGE_PARTS, device)
    return load_image_side(folder, dtype, device)


def run_schedule(pipe: "ZImagePipeline", sampler: SamplerSettings, settings: Settings) -> Schedule:
    """Draw one picture of a single patch with a random caption, by the pipeline's own loop."""
    import torch

    from zimage_eval.sampling.denoising import initial_latents, sample_latents

    side = pipe.vae_scale_factor * 2
    generator = torch.Generator().manual_seed(0)
    caption = torch.randn((1, pipe.transformer.config.cap_feat_dim), generator=generator)
    sample = sample_latents(
        pipe,
        [caption],
        [caption] if sampler.is_guided else None,
        initial_latents(pipe, [0], ImageSettings(height=side, width=side)),
        settings.model_copy(update={"sampler": sampler}),
    )
    return Schedule(sample.sigmas, sample.num_forwards)


def shifted_sigmas(shift: float, num_steps: int) -> list[float]:
    """The released schedule: `shift * s / (1 + (shift - 1) * s)` for s = 1 ... 1/num_steps, 0."""
    even = [(num_steps - step) / num_steps for step in range(num_steps + 1)]
    return [shift * sigma / (1 + (shift - 1) * sigma) for sigma in even]


def largest_difference(sigmas: Sequence[float], other_sigmas: Sequence[float]) -> float:
    """The largest difference of two schedules, level by level; 1.0 if their lengths differ."""
    if len(sigmas) != len(other_sigmas):
        return 1.0
    return max(
        abs(level - other_level) for level, other_level in zip(sigmas, other_sigmas, strict=True)
    )


def shared_levels(sigmas: Sequence[float], other_sigmas: Sequence[float]) -> int:
    """How many of a schedule's levels, without the last, are levels of another schedule too."""
    return sum(
        any(abs(level - other_level) < SAME_LEVEL for other_level in other_sigmas[:-1])
        for level in sigmas[:-1]
    )


def schedule_row(sample: Schedule, trained_sigmas: Sequence[float]) -> dict[str, float | None]:
    """The numbers of one schedule; `trained_sigmas` are those of the model's default schedule."""
    sigmas = sample.sigmas
    steps = [level - next_level for level, next_level in itertools.pairwise(sigmas)]
    return {
        "num_forwards": sample.num_forwards,
        "num_steps": len(steps),
        "wasted_steps": sum(step == 0 for step in steps),
        "last_sigma": sigmas[-2],
        "largest_step": max(steps),
        "levels_of_own_schedule": shared_levels(sigmas, trained_sigmas),
    }


def schedule_checks(
    samplers: Mapping[str, SamplerSettings], samples: Mapping[str, Schedule], default: str
) -> dict[str, float | None]:
    """The findings as statements: 1.0 if a statement holds, else 0.0."""
    costs = {name: sampler.forwards_per_image for name, sampler in samplers.items()}
    plain = [name for name, sampler in samplers.items() if sampler.sigma_schedule == "own"]
    closed = [
        largest_difference(
            samples[name].sigmas,
            shifted_sigmas(samplers[name].shift, samplers[name].num_inference_steps),
        )
        for name in plain
    ]
    steps = samplers[default].num_inference_steps
    one_more = samplers[default].model_copy(update={"num_inference_steps": steps + 1})
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
        # Every schedule begins at 1. A schedule that only appends a step would share all levels.
        checks["one_step_more_is_another_schedule"] = (
            shared_levels(levels, samples[default].sigmas) < steps
        )
    return {name: float(bool(holds)) for name, holds in checks.items()}
