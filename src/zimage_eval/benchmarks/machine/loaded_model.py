"""A whole model in memory, for benchmarks that measure the machine or change weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

import torch
from diffusers import ZImagePipeline
from torch import nn

from zimage_eval.config.benchmarks import Part
from zimage_eval.config.model_spec import DtypeSettings, ModelSpec
from zimage_eval.config.settings import Settings
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts, weights_digest
from zimage_eval.model.memory import check_memory
from zimage_eval.model.transformer import load_image_side
from zimage_eval.prompts.sets import Prompt, prompt_seeds
from zimage_eval.sampling.batches import compose_batches
from zimage_eval.text.encoder import load_text_side
from zimage_eval.text.encoding import encode_prompts
from zimage_eval.text.tokens import tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

PARTS: Final[tuple[Part, ...]] = get_args(Part)
"""The parts of a model that have weights."""
RANDOM_WEIGHTS = "RANDOM_WEIGHTS.md"
"""A file of this name in a model's folder says that its weights are random."""


class LoadedModel(NamedTuple):
    """All parts of a model, its number formats and its default settings."""

    tokenizer: "PreTrainedTokenizerBase"
    text_encoder: "PreTrainedModel"
    pipe: ZImagePipeline
    """Transformer, autoencoder and scheduler, without the text encoder."""
    dtype: DtypeSettings
    defaults: Settings
    device: torch.device

    def part(self, name: Part) -> nn.Module:
        """The module of one of `PARTS`."""
        return self.text_encoder if name == "text_encoder" else getattr(self.pipe, name)

    def with_parts(self, changed: Mapping[Part, nn.Module]) -> "LoadedModel":
        """A copy of the model with some parts replaced; this model stays unchanged."""
        image_parts = {name: part for name, part in changed.items() if name != "text_encoder"}
        pipe = type(self.pipe)(**{**self.pipe.components, **image_parts})
        text_encoder: Any = changed.get("text_encoder", self.text_encoder)
        return self._replace(pipe=pipe, text_encoder=text_encoder)

    def encode(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """`prompt_embeds` of each text under the default settings, float32 on the CPU."""
        embeds = encode_prompts(
            self.tokenizer, self.text_encoder, list(texts), self.defaults.encoder
        )
        return [entry.float() for entry in embeds]

    def negative_prompt_embeds(self) -> torch.Tensor | None:
        """`(num_tokens, hidden_size)` float32 on the CPU; None without guidance."""
        sampler = self.defaults.sampler
        return self.encode([sampler.negative_prompt])[0] if sampler.is_guided else None


class MachineJob(NamedTuple):
    """An image to draw."""

    prompt: Prompt
    seed: int
    prompt_embeds: torch.Tensor
    """`(num_tokens, hidden_size)` float32."""


def load_model(folder: Path, spec: ModelSpec, device: torch.device) -> LoadedModel:
    """Load all parts of a model folder.

    Raises:
        ValueError: a file is missing, or the device can't hold the weights. No weights are read.
    """
    check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    check_memory(folder, spec.dtype, PARTS, device)
    text_side = load_text_side(folder, spec.dtype, device)
    pipe = load_image_side(folder, spec.dtype, device)
    return LoadedModel(
        tokenizer=text_side.tokenizer,
        text_encoder=text_side.text_encoder,
        pipe=pipe,
        dtype=spec.dtype,
        defaults=spec.defaults,
        device=device,
    )


def weights_name(folder: Path) -> str:
    """`random`, or the start of the digest of all weights."""
    if (folder / RANDOM_WEIGHTS).is_file():
        return "random"
    return weights_digest(folder, (*TEXT_PARTS, *IMAGE_PARTS))[:16]


def pick_jobs(model: LoadedModel, prompts: Sequence[Prompt], num_images: int) -> list[MachineJob]:
    """`num_images` images of one padded caption length, so that no batch of them needs a mask.

    The length is the most common one among the prompts. Prompts come in their order; when all are
    used, they come again with another seed.
    """
    settings = model.defaults.encoder
    lengths = [
        tokenize(model.tokenizer, prompt.text, settings).caption_length for prompt in prompts
    ]
    members = max(compose_batches(lengths, len(prompts)), key=len)[:num_images]
    embeds = model.encode([prompts[index].text for index in members])
    jobs = []
    for number in range(num_images):
        round_number, place = divmod(number, len(members))
        prompt = prompts[members[place]]
        seed = prompt_seeds(prompt.id, round_number + 1)[round_number]
        jobs.append(MachineJob(prompt, seed, embeds[place]))
    return jobs
