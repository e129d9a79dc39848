"""Noise levels against closed forms, forwards against counting."""

from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline

from tests.support.projects.default_settings import make_settings
from zimage_eval.benchmarks.limits.schedules import (
    collect_samplers,
    largest_difference,
    run_schedule,
    schedule_checks,
    schedule_name,
    schedule_row,
    shared_levels,
    shifted_sigmas,
)
from zimage_eval.config.benchmarks import ScheduleRecipe
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.params import Study
from zimage_eval.config.variants import expand_variants
from zimage_eval.model.transformer import load_image_side

RELEASED = (1, 0.9545455, 0.9, 0.8333333, 0.75, 0.6428571, 0.5, 0.3, 0)
DTYPE = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")


@pytest.fixture(scope="module")
def pipe(tiny_folder: Path) -> ZImagePipeline:
    return load_image_side(tiny_folder, DTYPE, torch.device("cpu"))


def test_eight_steps_are_the_released_schedule(pipe: ZImagePipeline) -> None:
    settings = make_settings()
    sample = run_schedule(pipe, settings.sampler, settings)
    assert sample.sigmas == pytest.approx(RELEASED, abs=1e-6)
    assert shifted_sigmas(3.0, 8) == pytest.approx(RELEASED, abs=1e-6)
    row = schedule_row(sample, RELEASED)
    assert (row["num_forwards"], row["num_steps"], row["wasted_steps"]) == (8, 8, 0)
    assert row["levels_of_own_schedule"] == 8


def test_nine_steps_share_one_level_and_sixteen_share_all() -> None:
    assert shared_levels(shifted_sigmas(3.0, 9), RELEASED) == 1
    assert shared_levels(shifted_sigmas(3.0, 16), shifted_sigmas(3.0, 8)) == 8
    assert largest_difference(RELEASED, shifted_sigmas(3.0, 9)) == 1


def test_schedules_of_studies_and_recipes_are_each_run_once(pipe: ZImagePipeline) -> None:
    study = Study(
        question="?",
        vary={"sampler": {"guidance_scale": (0.0, 1.0, 2.0), "num_inference_steps": (2, 3)}},
        confirm=None,
        prompts="main",
    )
    settings = make_settings(num_inference_steps=2)
    recipe = ScheduleRecipe(shift=6.0, num_inference_steps=5, guidance_scale=4.0)
    samplers = collect_samplers(expand_variants(study, settings), {"base": recipe}, settings)
    assert len(samplers) == 5
    samples = {name: run_schedule(pipe, one, settings) for name, one in samplers.items()}
    assert sorted(sample.num_forwards for sample in samples.values()) == [2, 3, 4, 6, 10]
    own = schedule_name(settings.sampler)
    assert set(schedule_checks(samplers, samples, own).values()) == {1.0}
    samples[own] = samples[own]._replace(num_forwards=3)
    checks = schedule_checks(samplers, samples, own)
    assert checks["forwards_are_steps_and_guidance_doubles_them"] == 0
