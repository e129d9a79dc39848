"""Prompts of a benchmark's own: encoded, drawn and judged inside its stage."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.setting_groups import EncoderSettings, HiddenLayer
from zimage_eval.metrics.judges.judges import Judge, Picture, decode_picture, load_judge
from zimage_eval.model.devices import device_class, load_once
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts, weights_digest
from zimage_eval.model.transformer import load_image_side
from zimage_eval.output.store import ImageStore
from zimage_eval.prompts.facts import Facts
from zimage_eval.sampling.batches import Batch, compose_batches
from zimage_eval.sampling.generation import count_missing, generate_batch
from zimage_eval.sampling.image_keys import DrawingRecipe
from zimage_eval.text.embeddings import TextEmbeddings
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_layers
from zimage_eval.text.tokens import tokenize

if TYPE_CHECKING:
    from diffusers import ZImagePipeline


class DrawingRequest(NamedTuple):
    """A picture that is asked for."""

    prompt_embeds: torch.Tensor
    """`(num_tokens, hidden_size)` float32."""
    seed: int
    facts: Facts
    """What it is judged by."""


class JudgedDrawing(NamedTuple):
    """A picture and what its judge found."""

    picture: Picture
    held: dict[str, bool] | None
    """By name of the fact; None where nobody judges."""


class Painter(NamedTuple):
    """What draws and what judges."""

    recipe: DrawingRecipe
    store: ImageStore
    load_pipe: "Callable[[], ZImagePipeline]"
    judge: Judge
    workers: Executor
    batch_size: int
    negative_prompt_embeds: torch.Tensor | None
    """None without guidance."""


def unpadded(settings: EncoderSettings) -> EncoderSettings:
    """The same vectors but for rounding, at a fraction of the time: pads never reach a caption."""
    return settings.model_copy(update={"padding_side": "none"})


def encode_text_layers(
    side: TextSide, texts: Sequence[str], settings: EncoderSettings, layers: Sequence[HiddenLayer]
) -> list[list[TextEmbeddings]]:
    """Each text in each layer, from one unpadded forward a text."""
    inputs = [tokenize(side.tokenizer, text, unpadded(settings)) for text in texts]
    return [encode_layers(side.text_encoder, text_inputs, layers) for text_inputs in inputs]


def encode_default(side: TextSide, texts: Sequence[str], spec: ModelSpec) -> list[TextEmbeddings]:
    """Each text in the layer that conditions the model.

    Raises:
        ValueError: the defaults map that layer.
    """
    settings = spec.defaults.encoder
    if settings.layer_map != "none":
        raise ValueError(f"layer_map {settings.layer_map}: a map is fitted on a set of prompts")
    encoded = encode_text_layers(side, texts, settings, [settings.hidden_layer])
    return [layers[0] for layers in encoded]


def load_text(folder: Path, spec: ModelSpec, device: torch.device) -> TextSide:
    """Tokenizer and text encoder; a ValueError names what is missing of the whole model."""
    check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    return load_text_side(folder, spec.dtype, device)


def load_painter(
    folder: Path,
    spec: ModelSpec,
    device: torch.device,
    workers: Executor,
    store: ImageStore,
    side: TextSide,
) -> Painter:
    """The model with its recommended settings, and its judge."""
    sampler = spec.defaults.sampler
    negative = None
    if sampler.is_guided:
        negative = encode_default(side, [sampler.negative_prompt], spec)[0].prompt_embeds
    recipe = DrawingRecipe(
        weights_digest(folder, IMAGE_PARTS), spec.defaults, spec.dtype, device_class(device)
    )
    return Painter(
        recipe,
        store,
        load_once(lambda: load_image_side(folder, spec.dtype, device)),
        load_judge(spec, device),
        workers,
        spec.batch_size,
        negative,
    )


def draw_and_judge(drawings: Sequence[DrawingRequest], painter: Painter) -> list[JudgedDrawing]:
    """One picture a drawing, in their order; those in the image store are not made again.

    Raises:
        ValueError: a picture can't be made, or is not finite; says how many are missing. These are
            the model's own settings: a picture less would be other numbers.
    """

    def draw(members: list[int]) -> list[tuple[int, JudgedDrawing]]:
        batch = Batch(
            [drawings[index].prompt_embeds for index in members],
            painter.negative_prompt_embeds,
            [drawings[index].seed for index in members],
        )
        images = generate_batch(batch, painter.recipe, painter.store, painter.load_pipe)
        count(len(images))
        pictures = [decode_picture(image.png) for image in images]
        return [
            (i, _judged(p, drawings[i].facts, painter))
            for i, p in zip(members, pictures, strict=True)
        ]

    lengths = [len(drawing.prompt_embeds) for drawing in drawings]
    with count_missing("pictures of prompts", len(drawings)) as count:
        batches = painter.workers.map(draw, compose_batches(lengths, painter.batch_size))
        by_index = {index: drawn for batch in batches for index, drawn in batch}
    return [by_index[index] for index in range(len(drawings))]


def _judged(picture: Picture, facts: Facts, painter: Painter) -> JudgedDrawing:
    results = painter.judge(picture, facts)
    return JudgedDrawing(
        picture, None if results is None else {fact.name: fact.held for fact in results}
    )
