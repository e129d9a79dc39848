"""A family of anybody's choice: what training writes for it, and the two commands at toy size."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from calibration.data.model_settings import write_settings
from calibration.data.truths import load_recipe, load_truths
from calibration.study.calibrate import calibrate, find_guidance_scale
from zimage_eval.config.model_spec import load_model_spec

RECIPE, SHORT = (Path("calibration") / name for name in ("recipe.yaml", "recipe-short.yaml"))
FAMILIES = Path("calibration/families")
PICO = FAMILIES / "pico" / "truths.yaml"
TOY = """\
corpus: {num_scenes: 300}
transformer: {dim: 64, num_layers: 1, num_refiner_layers: 1, num_steps: 3, batch_size: 8}
turbo: {num_trajectories: 24, num_teacher_steps: 16, num_steps: 2, batch_size: 8}
evaluation: {num_prompts: 4}
"""


@pytest.mark.parametrize("family", ["nano", "mini"])
def test_training_writes_the_settings_that_are_committed(family: str, tmp_path: Path) -> None:
    planted = load_truths(FAMILIES / family / "truths.yaml")
    write_settings(planted, tmp_path)
    for model in (planted.name, f"{planted.name}-base"):
        committed = load_model_spec(Path("models") / f"{model}.yaml")
        assert load_model_spec(tmp_path / f"{model}.yaml") == committed.model_copy(
            update={"sha256": {}}  # of weights that are not trained yet
        )


def test_settings_that_are_there_stay(tmp_path: Path) -> None:
    (tmp_path / "pico.yaml").write_text("edited", encoding="utf-8")
    write_settings(load_truths(PICO), tmp_path)
    assert (tmp_path / "pico.yaml").read_text(encoding="utf-8") == "edited"
    assert load_model_spec(tmp_path / "pico-base.yaml").defaults.sampler.guidance_scale == 1.0


def test_a_later_recipe_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    whole, short = load_recipe(RECIPE), load_recipe(RECIPE, SHORT)
    assert short.transformer.num_steps < whole.transformer.num_steps
    assert short.transformer.dim == whole.transformer.dim
    assert (short.autoencoder, short.ablation) == (whole.autoencoder, whole.ablation)
    wrong = tmp_path / "wrong.yaml"
    for text, said in (
        ("turbo: {num_step: 3}", "did you mean 'num_steps'"),
        ("turbos: {num_steps: 3}", "unknown key 'turbos'"),
        ("turbo: 3", "turbo: 3 is no part"),
    ):
        wrong.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=said):
            load_recipe(RECIPE, wrong)


def test_the_guidance_of_any_table_is_found_as_the_stage_finds_it(tmp_path: Path) -> None:
    find_guidance_scale(Path("calibration/guidance_arms/nano.parquet"), tmp_path)
    found, kept = (
        json.loads((folder / "baked_guidance.json").read_text(encoding="utf-8"))
        for folder in (tmp_path, FAMILIES / "nano" / "results")
    )
    assert found == kept


def test_too_few_pictures_to_find_a_guidance_by_are_refused_before_anything_runs(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValueError, match="--guidance-prompts 16: 40 at least"):
        calibrate(PICO, tmp_path, tmp_path / "run", 16, [])
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_commands_train_a_family_and_score_what_the_study_finds_in_it(tmp_path: Path) -> None:
    toy, models, out = tmp_path / "toy.yaml", tmp_path / "family", tmp_path / "run"
    toy.write_text(TOY, encoding="utf-8")
    command("train", "--truths", PICO, "--recipe", RECIPE, toy, "--out", models)
    weights = models / "pico-base" / "vae" / "diffusion_pytorch_model.safetensors"
    assert weights.is_file() and not weights.is_symlink()  # the folder can be moved
    asked = ("--num-prompts", "8", "--batch-size", "64", "--studies", "baseline", "rope_theta")
    command("study.calibrate", "--truths", PICO, "--models", models, "--out", out, *asked)
    card = json.loads((out / "scorecard.json").read_text(encoding="utf-8"))["pico"]
    assert card["truths"].keys() == {"rope_theta"}
    assert card["truths"]["rope_theta"]["planted"] == "256"
    assert card["truths"]["rope_theta"]["num_prompts"] == 8


def command(name: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", f"calibration.{name}", *map(str, arguments)], check=True)
