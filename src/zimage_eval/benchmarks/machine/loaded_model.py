"""A whole model in memory, as the benchmarks that measure a machine or change weights need it."""

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
"""The parts that have weights."""
RANDOM_WEIGHTS = "RANDOM_WEIGHTS.md"
"""A file of that name in a model's folder says that its weights mean nothing."""


class LoadedModel(NamedTuple):
    """Both sides of a model and how it is run."""

    tokenizer: "PreTrainedTokenizerBase"
    text_encoder: "PreTrainedModel"
    pipe: ZImagePipeline
    """The image side alone."""
    dtype: DtypeSettings
    defaults: Settings
    device: torch.device

    def part(self, name: Part) -> nn.Module:
        """One of `PARTS`."""
        return self.text_encoder if name == "text_encoder" else getattr(self.pipe, name)

    def with_parts(self, changed: Mapping[Part, nn.Module]) -> "LoadedModel":
        """The model with other parts in place of some of its own; this one stays as it is."""
        own = {name: part for name, part in changed.items() if name != "text_encoder"}
        pipe = type(self.pipe)(**{**self.pipe.components, **own})
        text_encoder: Any = changed.get("text_encoder", self.text_encoder)
        return self._replace(pipe=pipe, text_encoder=text_encoder)

    def encode(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """`prompt_embeds` of each text under the default settings, float32 on the CPU."""
        embeds = encode_prompts(
            self.tokenizer, self.text_encoder, list(texts), self.defaults.encoder
        )
        return [entry.float() for entry in embeds]


class Job(NamedTuple):
    """An image to make."""

    prompt: Prompt
    seed: int
    prompt_embeds: torch.Tensor
    """`(num_tokens, hidden_size)` float32."""


def load_model(folder: Path, spec: ModelSpec, device: torch.device) -> LoadedModel:
    """Load all parts of a model folder.

    Raises:
        ValueError: a file is missing, or the device can't hold the weights; before any is read.
    """
    check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    check_memory(folder, spec.dtype, PARTS, device)
    text_side = load_text_side(folder, spec.dtype, device)
    pipe = load_image_side(folder, spec.dtype, device)
    return LoadedModel(
        text_side.tokenizer, text_side.text_encoder, pipe, spec.dtype, spec.defaults, device
    )


def weights_name(folder: Path) -> str:
    """`random`, or the start of the digest of all weights."""
    if (folder / RANDOM_WEIGHTS).is_file():
        return "random"
    return weights_digest(folder, (*TEXT_PARTS, *IMAGE_PARTS))[:16]


def pick_jobs(model: LoadedModel, prompts: Sequence[Prompt], num_images: int) -> list[Job]:
    """That many images of one padded caption length, so that any batch of them has no mask.

    The most common length among the prompts is taken. Prompts come in their order, and again with
    another seed once all are used.
    """
    settings = model.defaults.encoder
    lengths = [tokenize(model.tokenizer, p.text, settings).caption_length for p in prompts]
    members = max(compose_batches(lengths, len(prompts)), key=len)[:num_images]
    embeds = model.encode([prompts[index].text for index in members])
    jobs = []
    for number in range(num_images):
        again, place = divmod(number, len(members))
        prompt = prompts[members[place]]
        seed = prompt_seeds(prompt.id, again + 1)[again]
        jobs.append(Job(prompt, seed, embeds[place]))
    return jobs
