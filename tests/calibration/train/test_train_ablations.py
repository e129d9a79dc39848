"""Short bases for one choice each: paired, measured, resumable."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from diffusers import ZImageTransformer2DModel

from calibration.data.latent_data import Captions, PairGroup
from calibration.data.truths import TrainingRecipe, Truths
from calibration.evaluation.batched_transformer import (
    make_rotations,
    predict_batch,
    use_batched_attention,
)
from calibration.train.__main__ import train_family
from calibration.train.family import FamilyTraining
from calibration.train.family_folder import load_encoder_and_tokenizer
from calibration.train.held_out_loss import measure_loss, noise_levels
from calibration.train.train_ablations import Ablations, make_choices, plan_runs, train_ablations
from calibration.train.train_text_encoder import encode_ids
from calibration.train.train_transformer import build_transformer
from zimage_eval.output.observations import read_observations
from zimage_eval.text.hidden_layers import unit_rms


def _transformer(
    recipe: TrainingRecipe, truths: Truths, *, refiner_timestep: bool
) -> ZImageTransformer2DModel:
    return build_transformer(
        recipe.transformer, truths, 32, seed=1, refiner_timestep=refiner_timestep
    )


def test_both_kinds_of_refiner_start_from_the_same_weights(
    recipe: TrainingRecipe, truths: Truths
) -> None:
    plain = _transformer(recipe, truths, refiner_timestep=False)
    after = torch.rand(1)
    timed = _transformer(recipe, truths, refiner_timestep=True)
    assert torch.equal(torch.rand(1), after)
    known, all_weights = plain.state_dict(), timed.state_dict()
    assert all(torch.equal(all_weights[name], known[name]) for name in known)
    new = set(all_weights) - set(known)
    assert new == {f"context_refiner.0.adaLN_modulation.0.{end}" for end in ("weight", "bias")}


def test_only_the_modulated_refiner_sees_the_timestep(
    recipe: TrainingRecipe, truths: Truths
) -> None:
    seen = []
    for refiner_timestep in (False, True):
        model = _transformer(recipe, truths, refiner_timestep=refiner_timestep)
        use_batched_attention(model)
        outputs: list[torch.Tensor] = []
        model.context_refiner[-1].register_forward_hook(
            lambda module, args, output, kept=outputs: kept.append(output)
        )
        captions, lengths = torch.randn(2, 32, 32), torch.tensor([20, 32])
        for t in (0.1, 0.9):
            rotations = make_rotations(model, 32, 8, 8)
            latents = torch.zeros(2, 16, 16, 16)
            predict_batch(model, latents, torch.full((2,), t), captions, lengths, rotations)
        seen.append(torch.equal(*outputs))
    assert seen == [True, False]


def test_losses_of_a_known_transformer(recipe: TrainingRecipe, truths: Truths) -> None:
    """An untrained one gives 0: at every level the loss is the target's square, 1 + 1."""
    model = _transformer(recipe, truths, refiner_timestep=False)
    use_batched_attention(model)
    torch.manual_seed(0)
    captions = Captions(torch.randn(40, 32, 32).half(), torch.full((40,), 20))
    groups = [PairGroup(torch.randn(40, 16, 8, 8).half(), captions)]
    losses = measure_loss(model, groups, 3.0)
    assert losses == measure_loss(model, groups, 3.0)
    assert all(abs(loss - 2) < 0.05 for loss in losses.values())
    levels = noise_levels(3.0)
    assert levels == sorted(levels, reverse=True) and len(levels) == 10
    assert levels[0] == pytest.approx(3 * 0.95 / (1 + 2 * 0.95))


def test_runs_are_planned_seed_by_seed(truths: Truths) -> None:
    choices = make_choices(truths)
    assert list(choices)[-1] == "hidden_layer=raw_last+-2+-3+-4"
    runs = plan_runs({"baseline": 3, "hidden_layer=-3": 1}, choices)
    assert runs == [("baseline", 0), ("hidden_layer=-3", 0), ("baseline", 1), ("baseline", 2)]
    with pytest.raises(ValueError, match="hidden_layer=-9"):
        plan_runs({"hidden_layer=-9": 1}, choices)


@pytest.fixture(scope="module")
def models(
    recipe: TrainingRecipe, truths: Truths, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    out = tmp_path_factory.mktemp("models")
    family = FamilyTraining(truths, recipe, out, float("inf"), False, out)
    assert train_family(family, "text_encoder")
    family.executor.shutdown()
    yield out


def test_a_stopped_table_is_continued_to_the_same_numbers(
    recipe: TrainingRecipe, truths: Truths, models: Path, tmp_path: Path
) -> None:
    path, whole = tmp_path / "parts.csv", tmp_path / "whole.csv"
    ablations = Ablations(truths, recipe, models, compile_blocks=False)
    assert train_ablations(ablations, whole, float("inf")) == 0
    assert train_ablations(ablations, path, 0.0) == 3
    first = [one for one in read_observations(whole) if one.variant == "baseline"]
    path.write_text(
        "\n".join(
            line
            for line in whole.read_text().splitlines()
            if line.startswith(("variant", "baseline"))
        )
        + "\n"
    )
    assert train_ablations(ablations, path, float("inf")) == 0
    assert path.read_bytes() == whole.read_bytes()
    assert {(one.metric, one.category) for one in first} >= {
        ("flow_loss", "early"),
        ("alignment", "all"),
        ("alignment", "count"),
    }
    assert {one.variant for one in read_observations(whole)} == set(recipe.ablation.num_seeds)


def test_layers_are_picked_from_a_batch(
    recipe: TrainingRecipe, models: Path, truths: Truths
) -> None:
    model, _ = load_encoder_and_tokenizer(models / f"{truths.name}-base", torch.device("cpu"))
    ids = torch.randint(0, 300, (3, 12))
    raw = encode_ids(model, ids, "raw_last").float()
    torch.testing.assert_close(
        model.norm(raw), encode_ids(model, ids, -1).float(), atol=1e-2, rtol=1e-2
    )
    both = encode_ids(model, ids, (-2, -3)).float()
    parts = [unit_rms(encode_ids(model, ids, layer)) for layer in (-2, -3)]
    torch.testing.assert_close(both, torch.stack(parts).mean(0), atol=3e-3, rtol=3e-3)
