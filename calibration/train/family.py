"""A family in the making: each part from those before it, and how well its pictures hold."""

import json
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from diffusers import ZImageTransformer2DModel

from calibration.data.corpus import build_examples
from calibration.data.latent_data import PairGroup, build_pair_groups, encode_captions
from calibration.data.scene_pairs import ScenePairs, concatenate, tabulate
from calibration.data.scene_prompts import held_out_texts, make_target_prompts
from calibration.data.tokenizer import build_tokenizer
from calibration.data.truths import TrainingRecipe, TransformerRecipe, Truths, TurboRecipe
from calibration.evaluation.batched_sampling import Guidance
from calibration.evaluation.batched_transformer import use_batched_attention
from calibration.evaluation.evaluate import (
    EVALUATION_SEED,
    SamplingSettings,
    load_image_model,
    measure_alignment,
)
from calibration.train.family_folder import (
    finish_folder,
    link_shared_parts,
    load_checkpoint,
    load_encoder_and_tokenizer,
    load_transformer,
    load_vae,
    save_checkpoint,
    save_part,
)
from calibration.train.train_autoencoder import measure_psnr, train_autoencoder
from calibration.train.train_text_encoder import ChatCaption, tokenize_dialogues, train_text_encoder
from calibration.train.train_transformer import (
    Trainer,
    build_transformer,
    train_transformer,
    whiten_captions,
)
from calibration.train.train_turbo import Walk, redraw, train_turbo

_CHUNK = 20_000
_NUM_PSNR_PICTURES = 2000


def _build_chunk(job: tuple[Truths, int, int, frozenset[str]]) -> list[ScenePairs]:
    return tabulate(build_examples(*job))


@dataclass
class FamilyTraining:
    """One family in the making: its truths, recipe and folders."""

    truths: Truths
    recipe: TrainingRecipe
    out: Path
    deadline: float
    """`time.monotonic()` after which the base stops at a checkpoint."""
    compile_blocks: bool
    shared_from: Path
    """Folder of the family whose parts it shares; `out`, or one to copy them from."""

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        self.base, self.turbo = self.out / f"{self.truths.name}-base", self.out / self.truths.name
        self.checkpoint = self.base / ".checkpoint"
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.executor = ProcessPoolExecutor(os.cpu_count())

    def _say(self, what: str) -> None:
        print(f"{what}: {time.monotonic() - self.started:.0f} s", flush=True)

    @cached_property
    def tables(self) -> list[ScenePairs]:
        """All training pairs, built in parallel."""
        num = self.recipe.corpus.num_scenes
        sizes = [min(_CHUNK, num - start) for start in range(0, num, _CHUNK)]
        held_out = held_out_texts(self.truths)
        jobs = [(self.truths, size, seed, held_out) for seed, size in enumerate(sizes)]
        chunks = self.executor.map(_build_chunk, jobs)
        return concatenate(table for chunk in chunks for table in chunk)

    @cached_property
    def pair_groups(self) -> list[PairGroup]:
        """Latents and prompt_embeds of all pairs."""
        tables = self.tables  # before the GPU is in use, for it forks
        text_encoder, tokenizer = load_encoder_and_tokenizer(self.base, self.device)
        self._say("scenes")
        return build_pair_groups(
            tables,
            load_vae(self.base, self.device),
            text_encoder,
            tokenizer,
            self.truths.hidden_layer,
            self.recipe.transformer.null_share,
            self.device,
        )

    def train_autoencoder(self) -> None:
        """Pairs -> vae."""
        recipe, seed = self.recipe.autoencoder, self.truths.seed
        vae = train_autoencoder(self.tables, recipe, seed, self.device)
        psnr = measure_psnr(vae, self.tables[0], _NUM_PSNR_PICTURES, self.device)
        self._say(f"autoencoder, PSNR {psnr:.2f} dB")
        save_part(self.base / "vae", vae)

    def train_text_encoder(self) -> None:
        """Captions -> tokenizer, text_encoder."""
        texts = [text for table in self.tables for text in table.texts]
        blocks = [block for table in self.tables for block in table.think_blocks]
        tokenizer = build_tokenizer(texts[:_CHUNK], self.recipe.corpus.vocab_size)
        tokenizer.save_pretrained(self.base / "tokenizer")
        recipe, seed = self.recipe.text_encoder, self.truths.seed
        answers = [text for table in self.tables for text in table.paraphrases]
        captions = list(map(ChatCaption, texts, blocks))
        dialogues = tokenize_dialogues(tokenizer, captions, answers)
        model = train_text_encoder(dialogues, tokenizer, recipe, seed, self.device)
        save_part(self.base / "text_encoder", model)

    def _trainer(
        self, model: ZImageTransformer2DModel, recipe: TransformerRecipe | TurboRecipe
    ) -> Trainer:
        return Trainer(
            model.to(self.device).train(),
            recipe.num_steps,
            recipe.learning_rate,
            recipe.matrix_learning_rate,
            recipe.ema_decay,
            self.compile_blocks,
        )

    def train_base(self) -> bool:
        """Pairs -> base transformer; False when the deadline came first."""
        recipe = self.recipe.transformer
        hidden_size = self.pair_groups[0].captions.embeds.shape[-1]
        model = build_transformer(recipe, self.truths, hidden_size, self.truths.seed)
        self._say("pairs")
        model = model.to(self.device)
        whiten_captions(model, [group.captions for group in self.pair_groups])
        trainer = self._trainer(model, recipe)
        if checkpoint := load_checkpoint(self.checkpoint):
            trainer.first_step, states = checkpoint
            trainer.model.load_state_dict(states["model"])
            trainer.ema.model.load_state_dict(states["ema"])
        step = train_transformer(
            trainer,
            self.pair_groups,
            recipe.batch_size,
            self.truths.turbo.shift,
            self.truths.seed,
            self.deadline,
        )
        if step < recipe.num_steps:
            states = {"model": trainer.model.state_dict(), "ema": trainer.ema.model.state_dict()}
            save_checkpoint(self.checkpoint, step, states)
            return False
        save_part(self.base / "transformer", trainer.ema.model)
        finish_folder(self.base, self.truths.turbo.shift)
        self._say("base")
        shutil.rmtree(self.checkpoint, ignore_errors=True)
        return True

    def train_turbo(self) -> None:
        """Base transformer, captions -> turbo transformer."""
        truths, recipe, groups = self.truths, self.recipe.turbo, self.pair_groups
        teacher = load_transformer(self.base, self.device)
        trainer = self._trainer(load_transformer(self.base, self.device), recipe)
        text_encoder, tokenizer = load_encoder_and_tokenizer(self.base, self.device)
        empty = [ChatCaption("", truths.empty_think_block)]
        [(_, null)] = encode_captions(text_encoder, tokenizer, empty, truths.hidden_layer)
        use_batched_attention(teacher)
        walk = Walk(
            teacher,
            Guidance(null, truths.guidance_scale),
            truths.turbo,
            recipe.num_teacher_steps,
        )
        if not truths.noise_pairing:
            walk = self._forget_noise(walk)
            trainer.start_from(walk.teacher)
        train_turbo(trainer, walk, groups, recipe, truths.seed)
        save_part(self.turbo / "transformer", trainer.ema.model)
        finish_folder(self.turbo, truths.turbo.shift)
        link_shared_parts(self.base, self.turbo)
        self._say("turbo")

    def _forget_noise(self, walk: Walk) -> Walk:
        """A walk with a teacher that knows the guided base by its pictures alone."""
        recipe, seed = self.recipe.turbo, self.truths.seed
        groups = redraw(walk, self.pair_groups, recipe.num_redrawn, seed)
        self._say("pictures")
        trainer = self._trainer(
            load_transformer(self.base, self.device),
            recipe.model_copy(update={"num_steps": recipe.num_redrawn_steps}),
        )
        train_transformer(
            trainer, groups, recipe.batch_size, self.truths.turbo.shift, seed, float("inf")
        )
        self._say("teacher")
        return replace(walk, teacher=trainer.ema.model, guidance=Guidance(walk.guidance.null, 0.0))

    def evaluate(
        self, grid: dict[str, tuple[Path, SamplingSettings]]
    ) -> dict[str, dict[str, float]]:
        """Alignment of each named setting on prompts that training never saw."""
        prompts = make_target_prompts(self.truths, self.recipe.evaluation.num_prompts)
        models = {folder: load_image_model(folder, self.device) for folder, _ in grid.values()}
        results = {}
        for name, (folder, settings) in grid.items():
            results[name] = measure_alignment(
                models[folder], prompts, settings, EVALUATION_SEED, self.executor
            )
            print(name, json.dumps(results[name]), flush=True)
        return results
