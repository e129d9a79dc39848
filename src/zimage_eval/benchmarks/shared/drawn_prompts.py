"""Encode, draw and judge the prompts of a benchmark inside its own stage."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.setting_groups import EncoderSettings, HiddenLayer
from zimage_eval.metrics.judges.judges import Judge, Picture, decode_picture, load_judge
from zimage_eval.model.devices import load_once
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts, weights_digest
from zimage_eval.model.transformer import load_image_side
from zimage_eval.output.store import ImageStore
from zimage_eval.prompts.facts import Facts
from zimage_eval.sampling.batches import Batch, compose_batches
from zimage_eval.sampling.generation import count_missing, generate_batch
from zimage_eval.sampling.image_keys import DrawingRecipe, device_class
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
    """What the judge looks for in it."""


class JudgedDrawing(NamedTuple):
    """A picture, and which facts the judge saw in it."""

    picture: Picture
    held: dict[str, bool] | None
    """Whether a fact holds, by its name; None where the model has no judge."""


class Painter(NamedTuple):
    """A model with its settings and image store, and its judge."""

    recipe: DrawingRecipe
    store: ImageStore
    load_pipe: "Callable[[], ZImagePipeline]"
    judge: Judge
    workers: Executor
    batch_size: int
    negative_prompt_embeds: torch.Tensor | None
    """None without guidance."""


def unpadded(settings: EncoderSettings) -> EncoderSettings:
    """The settings without padding: faster, and the same vectors but for rounding.

    Vectors of pads never reach a caption, so nothing is lost.
    """
    return settings.model_copy(update={"padding_side": "none"})


def encode_text_layers(
    side: TextSide, texts: Sequence[str], settings: EncoderSettings, layers: Sequence[HiddenLayer]
) -> list[list[TextEmbeddings]]:
    """Embeddings of each text, and for each text of each layer, from one forward a text."""
    inputs = [tokenize(side.tokenizer, text, unpadded(settings)) for text in texts]
    return [encode_layers(side.text_encoder, tokens, layers) for tokens in inputs]


def encode_default(side: TextSide, texts: Sequence[str], spec: ModelSpec) -> list[TextEmbeddings]:
    """Embeddings of each text, from the layer that conditions the model.

    Raises:
        ValueError: `layer_map` of the defaults is not "none": maps are fitted on sets of prompts.
    """
    settings = spec.defaults.encoder
    if settings.layer_map != "none":
        raise ValueError(f"layer_map {settings.layer_map}: a map is fitted on a set of prompts")
    encoded = encode_text_layers(side, texts, settings, [settings.hidden_layer])
    return [layers[0] for layers in encoded]


def load_text(folder: Path, spec: ModelSpec, device: torch.device) -> TextSide:
    """Load tokenizer and text encoder.

    Raises:
        ValueError: a file of the model is missing, be it of these or of another part; names it.
    """
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
    """A painter with the model's recommended settings and its judge; the rest loads when used."""
    sampler = spec.defaults.sampler
    negative = None
    if sampler.guidance_scale > 0:
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


def draw_and_judge(drawings: Sequence[DrawingRequest], artist: Painter) -> list[JudgedDrawing]:
    """A judged picture for each request, in their order; stored pictures are not drawn again.

    Raises:
        ValueError: a picture can't be made, or is not finite; says how many are missing. Results
            over fewer pictures would be other numbers, so none are left out.
    """

    def draw(members: list[int]) -> list[tuple[int, JudgedDrawing]]:
        batch = Batch(
            [drawings[index].prompt_embeds for index in members],
            artist.negative_prompt_embeds,
            [drawings[index].seed for index in members],
        )
        images = generate_batch(batch, artist.recipe, artist.store, artist.load_pipe)
        count(len(images))
        pictures = [decode_picture(image.png) for image in images]
        return [
            (i, _judged(p, drawings[i].facts, artist))
            for i, p in zip(members, pictures, strict=True)
        ]

    lengths = [len(drawing.prompt_embeds) for drawing in drawings]
    with count_missing("pictures of prompts", len(drawings)) as count:
        batches = artist.workers.map(draw, compose_batches(lengths, artist.batch_size))
        drawings_of = {index: drawn for batch in batches for index, drawn in batch}
    return [drawings_of[index] for index in range(len(drawings))]


def _judged(picture: Picture, facts: Facts, artist: Painter) -> JudgedDrawing:
    results = artist.judge(picture, facts)
    return JudgedDrawing(
        picture, None if results is None else {fact.name: fact.held for fact in results}
    )
