"""The noise levels of the denoising loop, as a scheduler of diffusers makes them."""

from typing import Final

from diffusers import FlowMatchEulerDiscreteScheduler

from zimage_eval.config.setting_groups import SamplerSettings

_NAMED: Final = ("karras", "exponential", "beta")


def build_scheduler(
    own: FlowMatchEulerDiscreteScheduler, sampler: SamplerSettings
) -> FlowMatchEulerDiscreteScheduler:
    """A scheduler for one call, with the shift and schedule asked for; `own` is left as it was.

    ZImagePipeline hands it evenly spaced sigmas from 1 to 1 / num_inference_steps, which it
    shifts. Karras, exponential and beta then space as many sigmas anew between the largest and
    the smallest of these. The dynamic shift depends on the number of image tokens instead of
    `shift`, which is not read.
    """
    changes: dict[str, object] = {"shift": sampler.shift}
    if sampler.sigma_schedule in _NAMED:
        changes |= {f"use_{name}_sigmas": name == sampler.sigma_schedule for name in _NAMED}
    elif sampler.sigma_schedule == "dynamic_shift":
        changes["use_dynamic_shifting"] = True
    return type(own).from_config(own.config, **changes)
