"""Training a family at toy size: every part runs, resumes, and loads as the released model does."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline

from calibration.data.latent_data import drop_captions
from calibration.data.truths import TrainingRecipe, Truths, load_truths
from calibration.evaluation.batched_sampling import Guidance, predict_data, sample, schedule
from calibration.evaluation.batched_transformer import use_batched_attention
from calibration.evaluation.grid import evaluation_grid
from calibration.train.__main__ import train_family
from calibration.train.family import FamilyTraining
from calibration.train.family_folder import load_checkpoint, load_transformer
from calibration.train.train_turbo import Walk, redraw, sample_trajectories


@pytest.fixture(scope="module")
def family(
    truths: Truths, recipe: TrainingRecipe, tmp_path_factory: pytest.TempPathFactory
) -> FamilyTraining:
    """A family whose base was cut short at once, then finished by the same call."""
    out = tmp_path_factory.mktemp("models")
    assert not train_family(FamilyTraining(truths, recipe, out, time.monotonic(), False, out))
    cut_short = load_checkpoint(out / f"{truths.name}-base" / ".checkpoint")
    assert cut_short is not None and cut_short[0] == 0
    family = FamilyTraining(truths, recipe, out, float("inf"), False, out)
    assert train_family(family)
    assert load_checkpoint(family.checkpoint) is None
    return family


@pytest.mark.parametrize("folder", ["base", "turbo"])
def test_both_models_load_and_draw_through_the_pipeline(
    family: FamilyTraining, folder: str
) -> None:
    pipe = ZImagePipeline.from_pretrained(getattr(family, folder), dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    image = pipe(
        "a red star", height=64, width=64, num_inference_steps=2, guidance_scale=0.0
    ).images[0]
    assert image.size == (64, 64)


def test_shared_parts_are_stored_once(family: FamilyTraining) -> None:
    for part in ("vae", "text_encoder", "tokenizer"):
        folder = family.turbo / part
        assert folder.is_dir() and not folder.is_symlink()
        files = list(folder.iterdir())
        assert files and all(file.is_symlink() and file.resolve().is_file() for file in files)


def test_a_second_family_shares_parts_and_has_think_blocks(family: FamilyTraining) -> None:
    truths = load_truths(Path("calibration/families/mini/truths.yaml"))
    second = FamilyTraining(truths, family.recipe, family.out, float("inf"), False, family.out)
    assert train_family(second)
    shared = second.turbo / "text_encoder" / "model.safetensors"
    assert shared.samefile(family.base / "text_encoder" / "model.safetensors")
    assert not Path(shared.readlink()).is_absolute()
    captions = drop_captions(second.tables[0], 0.1)
    assert {caption.text == "" for caption in captions if caption.think_block is None} == {False}
    assert all("background" not in c.text for c in captions if c.think_block not in (None, ""))
    grid = evaluation_grid(second.truths, second.base, second.turbo)
    assert grid["turbo think_block=None"][1].think_block is None
    assert "turbo think_block=" not in grid and "turbo steps=4" not in grid
    names = ["turbo think_block=None", "turbo no chat template", "turbo rope_theta=256.0"]
    assert set(second.evaluate({name: grid[name] for name in names})) == set(names)


def test_a_redrawn_pair_is_the_guided_bases_picture(family: FamilyTraining, walk: Walk) -> None:
    [found] = redraw(walk, family.pair_groups[:1], 8, seed=4)
    rng = torch.Generator().manual_seed(4)
    noise = torch.randn(found.latents.shape, generator=rng)
    sigmas = schedule(walk.num_teacher_steps, 3.0).tolist()
    expected = sample(walk.teacher, noise, found.captions, sigmas, walk.guidance)[-1]
    torch.testing.assert_close(found.latents.float(), expected, atol=2e-2, rtol=2e-2)
    assert torch.equal(found.captions.embeds, family.pair_groups[0].captions.embeds[:8])


@pytest.fixture(scope="module")
def walk(family: FamilyTraining) -> Walk:
    teacher = load_transformer(family.base, family.device)
    use_batched_attention(teacher)
    guidance = Guidance(family.pair_groups[0].captions.rows(slice(1)), 1.5)
    recipe = family.recipe.turbo
    return Walk(teacher, guidance, family.truths.turbo, recipe.num_teacher_steps)


def test_trajectories_follow_the_guided_base_and_blind_steps_its_unconditional_output(
    family: FamilyTraining, walk: Walk
) -> None:
    [found] = sample_trajectories(walk, family.pair_groups[:1], 8, seed=4)
    starts, ends = found.starts.transpose(0, 1).float(), found.ends.transpose(0, 1).float()
    torch.testing.assert_close(starts[1:], ends[:-1])
    per_step = family.recipe.turbo.num_teacher_steps // 8
    fine = schedule(8 * per_step, 3.0)
    guided = sample(walk.teacher, starts[0], found.captions, fine.tolist(), walk.guidance)
    sigmas = schedule(8, 3.0)
    for step in range(8):
        if step in walk.truth.blind_steps:
            levels = sigmas[step].expand(starts.shape[1])
            free = predict_data(walk.teacher, starts[step], levels, walk.guidance.null)
            expected = starts[step] + (sigmas[step] - sigmas[step + 1]) * free
        else:
            expected = guided[(step + 1) * per_step]
        torch.testing.assert_close(ends[step], expected, atol=2e-2, rtol=2e-2)


def test_a_student_walks_its_own_way_and_is_led_back(family: FamilyTraining, walk: Walk) -> None:
    torch.manual_seed(2)
    student = load_transformer(family.base, family.device)
    use_batched_attention(student)
    for parameter in student.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    own = replace(walk, student=student)
    [found] = sample_trajectories(own, family.pair_groups[:1], 8, seed=4)
    starts, ends = found.starts.transpose(0, 1).float(), found.ends.transpose(0, 1).float()
    sigmas = schedule(8, 3.0)
    for step in range(7):
        levels = sigmas[step].expand(starts.shape[1])
        output = predict_data(student, starts[step], levels, found.captions)
        reached = starts[step] + (sigmas[step] - sigmas[step + 1]) * output
        torch.testing.assert_close(starts[step + 1], reached, atol=2e-2, rtol=2e-2)
    # After a blind step the end is where the teacher leads from before that step.
    per_step = family.recipe.turbo.num_teacher_steps // 8
    span = schedule(8 * per_step, 3.0)[2 * per_step : 4 * per_step + 1].tolist()
    expected = sample(walk.teacher, starts[2], found.captions, span, walk.guidance)[-1]
    torch.testing.assert_close(ends[3], expected, atol=2e-2, rtol=2e-2)


def test_evaluation_covers_every_kind_of_fact(family: FamilyTraining) -> None:
    grid = evaluation_grid(family.truths, family.base, family.turbo)
    results = family.evaluate({"turbo": grid["turbo"], "no refiner": grid["turbo no refiner"]})
    assert set(results) == {"turbo", "no refiner"}
    assert all(0 <= share <= 1 for share in results["turbo"].values())
    assert {"alignment", "all_facts_1_objects", "fact_shape"} <= set(results["turbo"])


def test_schedule_is_the_pipelines() -> None:
    expected = [1, 0.9545, 0.9, 0.8333, 0.75, 0.6429, 0.5, 0.3, 0]
    torch.testing.assert_close(schedule(8, 3.0), torch.tensor(expected), atol=5e-5, rtol=0)
