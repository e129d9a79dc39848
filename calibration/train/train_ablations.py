"""Train short bases that differ in one choice: `python -m calibration.train.train_ablations`.

Each variant changes one thing that is decided before training: whether the timestep modulates the
context refiner, or which hidden layer is read. Variants are paired by seed, which decides the order
of the data, the noise and all initial weights that two variants have in common. When a run ends,
its numbers are added to the table and its weights are dropped. Runs that the table holds are
skipped, so the same command continues where it was stopped.
"""

import argparse
import gc
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

import torch

from calibration.data.corpus import build_examples
from calibration.data.latent_data import PairGroup, build_pair_groups
from calibration.data.scene_pairs import ScenePairs, tabulate
from calibration.data.scene_prompts import ScenePrompt, held_out_texts, make_target_prompts
from calibration.data.truths import Resolution, TrainingRecipe, Truths, load_recipe, load_truths
from calibration.evaluation.evaluate import (
    EVALUATION_SEED,
    ImageModel,
    SamplingSettings,
    check_each,
    generate,
)
from calibration.train.family import FamilyTraining
from calibration.train.family_folder import load_encoder_and_tokenizer, load_vae
from calibration.train.held_out_loss import measure_loss
from calibration.train.train_transformer import (
    Trainer,
    build_transformer,
    train_transformer,
    whiten_captions,
)
from zimage_eval.config.setting_groups import HiddenLayer
from zimage_eval.config.settings import value_name
from zimage_eval.output.observations import Measurement, read_observations, write_observations
from zimage_eval.prompts.facts import FactResult
from zimage_eval.prompts.scenes.layout import CATEGORIES

BASELINE: Final = "baseline"
_RESOLUTION: Final = Resolution(height=64, width=64, share=1.0)
_LONGEST_CAPTION: Final = 64
"""Padded tokens; few captions are longer, and each length costs a run its own captured step."""
_HELD_OUT_CHUNK: Final = 1_000_000
"""Seed of the held-out pairs: training's chunks count from 0."""
_NUM_STEPS: Final = 25
_LAYERS: Final[tuple[int | Literal["raw_last"], ...]] = ("raw_last", -2, -3, -4)
"""Read alone, and their mean."""


@dataclass(frozen=True)
class Choice:
    """What is decided before training."""

    hidden_layer: HiddenLayer
    refiner_timestep: bool


def make_choices(truths: Truths) -> dict[str, Choice]:
    """The family's own choice and its alternatives, each named by what it changes."""
    planted = Choice(truths.hidden_layer, refiner_timestep=False)
    return {
        BASELINE: planted,
        "refiner_timestep=true": Choice(planted.hidden_layer, refiner_timestep=True),
        **{
            f"hidden_layer={value_name(layer)}": Choice(layer, refiner_timestep=False)
            for layer in (*_LAYERS, _LAYERS)
            if layer != planted.hidden_layer
        },
    }


def plan_runs(num_seeds: dict[str, int], choices: dict[str, Choice]) -> list[tuple[str, int]]:
    """Variant and seed of every run, seed by seed: what is cut short is still paired.

    Raises:
        ValueError: runs of an unknown variant are asked for.
    """
    if strangers := sorted(set(num_seeds) - set(choices)):
        raise ValueError(f"ablation.num_seeds: {strangers[0]!r} is none of {sorted(choices)}")
    seeds = range(max(num_seeds.values()))
    return [(name, seed) for seed in seeds for name in choices if seed < num_seeds.get(name, 0)]


class Ablations:
    """What all runs share: pairs, their latents, and prompt_embeds of each layer."""

    def __init__(
        self, truths: Truths, recipe: TrainingRecipe, models: Path, *, compile_blocks: bool
    ) -> None:
        truths = truths.model_copy(update={"resolutions": (_RESOLUTION,)})
        corpus = recipe.corpus.model_copy(update={"num_scenes": recipe.ablation.num_scenes})
        recipe = recipe.model_copy(update={"corpus": corpus})
        self.truths, self.recipe, self.compile_blocks = truths, recipe, compile_blocks
        self.family = FamilyTraining(truths, recipe, models, float("inf"), compile_blocks, models)
        self.family.tables  # noqa: B018 - workers are forked before the GPU is in use
        self.device = self.family.device
        self.vae = load_vae(self.family.base, self.device)
        self.encoder = load_encoder_and_tokenizer(self.family.base, self.device)
        self._groups: dict[HiddenLayer, tuple[list[PairGroup], list[PairGroup]]] = {}

    @cached_property
    def _held_out(self) -> list[ScenePairs]:
        truths, num = self.truths, self.recipe.ablation.num_held_out
        return tabulate(build_examples(truths, num, _HELD_OUT_CHUNK, held_out_texts(truths)))

    @cached_property
    def _prompts(self) -> list[ScenePrompt]:
        return make_target_prompts(self.truths, self.recipe.ablation.num_prompts)

    def groups(self, layer: HiddenLayer) -> tuple[list[PairGroup], list[PairGroup]]:
        """Training and held-out pairs with the prompt_embeds of one layer."""
        if layer not in self._groups:
            null_share = self.recipe.transformer.null_share
            self._groups[layer] = (
                self._encode(self.family.tables, layer, null_share),
                self._encode(self._held_out, layer, 0.0),
            )
        return self._groups[layer]

    def _encode(
        self, tables: Sequence[ScenePairs], layer: HiddenLayer, null_share: float
    ) -> list[PairGroup]:
        groups = build_pair_groups(tables, self.vae, *self.encoder, layer, null_share, self.device)
        return [group for group in groups if group.captions.embeds.shape[1] <= _LONGEST_CAPTION]

    def run(self, name: str, choice: Choice, seed: int) -> list[Measurement]:
        """Train one short base, and measure it."""
        recipe, shift = self.recipe, self.truths.turbo.shift
        groups, held_out = self.groups(choice.hidden_layer)
        whole_seed = self.truths.seed + 1 + seed
        model = build_transformer(
            recipe.transformer,
            self.truths,
            groups[0].captions.embeds.shape[-1],
            whole_seed,
            refiner_timestep=choice.refiner_timestep,
        ).to(self.device)
        whiten_captions(model, [group.captions for group in groups])
        trainer = Trainer(
            model.train(),
            recipe.ablation.num_steps,
            recipe.transformer.learning_rate,
            recipe.transformer.matrix_learning_rate,
            recipe.ablation.ema_decay,
            self.compile_blocks,
        )
        train_transformer(
            trainer, groups, recipe.ablation.batch_size, shift, whole_seed, float("inf")
        )
        losses = measure_loss(trainer.ema.model, held_out, shift)
        numbers = {("flow_loss", level): loss for level, loss in losses.items()}
        image_model = ImageModel(trainer.ema.model, self.vae, *self.encoder)
        numbers |= self._alignment(image_model, choice.hidden_layer)
        return [
            Measurement(name, f"seed {seed}", 0, category, metric, value)
            for (metric, category), value in numbers.items()
        ]

    def _alignment(self, model: ImageModel, layer: HiddenLayer) -> dict[tuple[str, str], float]:
        truths, prompts = self.truths, self._prompts
        settings = SamplingSettings(
            _NUM_STEPS,
            truths.turbo.shift,
            truths.guidance_scale,
            layer,
            think_block=truths.empty_think_block,
        )
        texts = [prompt.text for prompt in prompts]
        images = generate(model, texts, settings, EVALUATION_SEED).numpy()
        results = check_each(images, prompts, self.family.executor)
        return score_categories(results)


def score_categories(results: Sequence[Sequence[FactResult]]) -> dict[tuple[str, str], float]:
    """Alignment and share of pictures with all facts right, by category and over `all`.

    Args:
        results: of every prompt, as many of each category and in the order of `CATEGORIES`.
    """
    size = len(results) // len(CATEGORIES)
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    for row, facts in enumerate(results):
        held = [fact.held for fact in facts]
        for category in (CATEGORIES[row // size], "all"):
            shares["alignment", category].append(sum(held) / len(held))
            shares["all_facts", category].append(float(all(held)))
    return {key: sum(values) / len(values) for key, values in shares.items()}


def train_ablations(ablations: Ablations, path: Path, deadline: float) -> int:
    """Add every run to the table that it lacks; how many are missing when the deadline comes.

    Args:
        ablations: what the runs share.
        path: the table, a CSV file.
        deadline: `time.monotonic()` after which no run begins.
    """
    observations = read_observations(path) if path.is_file() else []
    choices = make_choices(ablations.truths)
    done = {(observation.variant, observation.unit) for observation in observations}
    runs = plan_runs(ablations.recipe.ablation.num_seeds, choices)
    missing = [(name, seed) for name, seed in runs if (name, f"seed {seed}") not in done]
    for number, (name, seed) in enumerate(missing):
        if time.monotonic() > deadline:
            return len(missing) - number
        started = time.monotonic()
        observations += ablations.run(name, choices[name], seed)
        write_observations(path, observations)
        seconds = time.monotonic() - started
        print(f"{name} seed {seed}: {seconds:.1f} s, {len(missing) - number - 1} left", flush=True)
        gc.collect()  # or the memory of its recorded steps outlives the run
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
    return 0


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.train.train_ablations", description=__doc__
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("calibration/ablations.csv"),
        help="the table of all runs (default: %(default)s)",
    )
    parser.add_argument(
        "--truths",
        type=Path,
        default=Path("calibration/families/nano/truths.yaml"),
        help="the family's planted answers (default: %(default)s)",
    )
    parser.add_argument(
        "--recipe", type=Path, default=Path("calibration/recipe.yaml"), help="default: %(default)s"
    )
    parser.add_argument("--models", type=Path, default=Path("models"), help="holds <name>-base")
    parser.add_argument(
        "--minutes", type=float, default=float("inf"), help="begin no run after these"
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile the blocks (GPU)")
    arguments = parser.parse_args()
    deadline = time.monotonic() + 60 * arguments.minutes
    ablations = Ablations(
        load_truths(arguments.truths),
        load_recipe(arguments.recipe),
        arguments.models,
        compile_blocks=arguments.compile,
    )
    if left := train_ablations(ablations, arguments.out, deadline):
        print(f"{left} runs are missing: run the same command again to go on")


if __name__ == "__main__":
    main()
