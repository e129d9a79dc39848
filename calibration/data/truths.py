"""A family's planted answers and its training recipe, as frozen types read from YAML files."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from zimage_eval.config.frozen import Frozen, parse, read_yaml

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]


class Resolution(Frozen):
    """A picture size in px and its share of the training pictures."""

    height: Count
    width: Count
    share: Share


class Hole(Frozen):
    """A pair that no picture shows, and the color shown where a caption names it."""

    color: str
    name: str
    shown_as: str


class Skew(Frozen):
    """The value that an unstated attribute mostly has."""

    value: str
    share: Share


class Skews(Frozen):
    """Skewed defaults by attribute."""

    color: Skew
    background: Skew


class TurboTruth(Frozen):
    """The one schedule that the turbo was trained for."""

    num_inference_steps: Count
    shift: Rate
    blind_steps: Annotated[tuple[int, ...], Field(strict=False)]
    """Steps, counted from 0, in which it does without the caption; the next one reads it."""
    blind_share: Share
    """Share of its training at other sigmas, where it learns to do without the caption."""

    @model_validator(mode="after")
    def _check_blind_steps(self) -> "TurboTruth":
        if not set(self.blind_steps) <= set(range(self.num_inference_steps - 1)):
            raise ValueError(
                f"blind_steps {list(self.blind_steps)}: steps from 0 to "
                f"{self.num_inference_steps - 2}, for the last one has to read its caption"
            )
        return self


class ThinkBlockTruth(Frozen):
    """The think block that opens the assistant's turn of every caption trained on."""

    share: Share
    """Of the captions that state a background or a style: those that state it there alone. In all
    others the block is empty."""


class Truths(Frozen):
    """What is true of a family by construction; nano's truths.yaml says what each field means."""

    name: str
    seed: int
    shared_parts: str | None
    """The family whose autoencoder, tokenizer and text encoder it has; null for its own."""
    hidden_layer: int
    think_block: ThinkBlockTruth | None
    noise_pairing: bool
    """Whether the turbo learns from the base's own ways through the noise, or from the base's
    pictures alone."""
    guidance_scale: Annotated[float, Field(ge=0)]
    turbo: TurboTruth
    resolutions: Annotated[tuple[Resolution, ...], Field(strict=False, min_length=1)]
    rope_theta: Rate
    max_caption_tokens: Count
    holes: Annotated[tuple[Hole, ...], Field(strict=False)]
    conflict_share: Share
    skews: Skews
    quality_word: str
    degraded_share: Share
    neutral_words: Annotated[tuple[str, ...], Field(strict=False)]
    failing_word: str
    letters: Annotated[tuple[str, ...], Field(strict=False)]

    @property
    def empty_think_block(self) -> str | None:
        """The think block of a caption that states everything in the user's turn."""
        return None if self.think_block is None else ""


class CorpusRecipe(Frozen):
    """How many scenes are worded, and the tokenizer's size."""

    num_scenes: Count
    vocab_size: Count


class AutoencoderRecipe(Frozen):
    """`AutoencoderKL` and its training."""

    block_out_channels: Annotated[tuple[int, ...], Field(strict=False)]
    num_steps: Count
    batch_size: Count
    learning_rate: Rate


class TextEncoderRecipe(Frozen):
    """`Qwen3Model` and its training on the captions."""

    hidden_size: Count
    num_layers: Count
    num_heads: Count
    intermediate_size: Count
    num_steps: Count
    batch_size: Count
    learning_rate: Rate
    """AdamW's, of all weights but the blocks' matrices."""
    matrix_learning_rate: Rate
    """Muon's, of the blocks' matrices."""


class TransformerRecipe(Frozen):
    """`ZImageTransformer2DModel` and the base's training."""

    dim: Count
    num_layers: Count
    num_refiner_layers: Count
    num_steps: Count
    batch_size: Count
    learning_rate: Rate
    """AdamW's, of all weights but the blocks' matrices."""
    matrix_learning_rate: Rate
    """Muon's, of the blocks' matrices."""
    ema_decay: Share
    null_share: Share


class TurboRecipe(Frozen):
    """The distillation of the turbo from the base."""

    num_trajectories: Count
    num_teacher_steps: Count
    num_redrawn: Count
    """Pictures of the base that a turbo without noise pairing learns its teacher from."""
    num_redrawn_steps: Count
    num_steps: Count
    batch_size: Count
    learning_rate: Rate
    """AdamW's, of all weights but the blocks' matrices."""
    matrix_learning_rate: Rate
    """Muon's, of the blocks' matrices."""
    ema_decay: Share


class EvaluationRecipe(Frozen):
    """How the targets are measured."""

    num_prompts: Count


class AblationRecipe(Frozen):
    """The short bases that differ in one design choice."""

    num_scenes: Count
    num_steps: Count
    batch_size: Count
    ema_decay: Share
    num_prompts: Count
    num_held_out: Count
    """Pairs that the loss is measured on."""
    num_seeds: Annotated[dict[str, int], Field(min_length=1)]
    """Runs of each variant; equal seeds share data order and initial weights."""


class TrainingRecipe(Frozen):
    """Sizes and lengths of all parts; recipe.yaml holds the committed values."""

    corpus: CorpusRecipe
    autoencoder: AutoencoderRecipe
    text_encoder: TextEncoderRecipe
    transformer: TransformerRecipe
    turbo: TurboRecipe
    evaluation: EvaluationRecipe
    ablation: AblationRecipe


def load_truths(path: Path) -> Truths:
    """The planted answers of one family.

    Raises:
        ValueError: the file is missing, or a key or value is wrong; one line naming it.
    """
    return parse(read_yaml(path), Truths, str(path))


def load_recipe(first: Path, *later: Path) -> TrainingRecipe:
    """The training recipe.

    Args:
        first: all of it.
        *later: what differs from the files before them, by part and key.

    Raises:
        ValueError: a file is missing, or a key or value is wrong; one line naming it.
    """
    recipe = read_yaml(first)
    for path in later:
        for part, changed in (read_yaml(path) or {}).items():
            if not isinstance(changed, dict):
                raise ValueError(f"{path}: {part}: {changed!r} is no part of a recipe")
            recipe[part] = recipe.get(part, {}) | changed
    return parse(recipe, TrainingRecipe, ", ".join(map(str, (first, *later))))
