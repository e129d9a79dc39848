"""Prompts of a benchmark's own: encoded, drawn and judged inside its stage."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.setting_groups import EncoderSettings, HiddenLayer
from zimage_eval.config.settings import Settings
from zimage_eval.metrics.judges.judges import Judge, Picture, decode_picture, load_judge
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts
from zimage_eval.prompts.facts import Facts
from zimage_eval.sampling.batches import PaintRequest
from zimage_eval.sampling.generation import GeneratedImage
from zimage_eval.sampling.painter import Painter
from zimage_eval.text.embeddings import TextEmbeddings
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_layers
from zimage_eval.text.tokens import tokenize


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


class PainterAndJudge(NamedTuple):
    """What draws under the model's recommended settings, and what judges."""

    painter: Painter
    judge: Judge
    settings: Settings
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


def add_judge(painter: Painter, spec: ModelSpec, side: TextSide) -> PainterAndJudge:
    """A painter of the model with its recommended settings and its judge."""
    sampler = spec.defaults.sampler
    negative = None
    if sampler.is_guided:
        negative = encode_default(side, [sampler.negative_prompt], spec)[0].prompt_embeds
    return PainterAndJudge(painter, load_judge(spec, painter.device), spec.defaults, negative)


def draw_and_judge(
    drawings: Sequence[DrawingRequest], studio: PainterAndJudge
) -> list[JudgedDrawing]:
    """One picture a drawing, in their order; those in the image store are not made again.

    Raises:
        ValueError: a picture can't be made, or is not finite; says how many are missing. These are
            the model's own settings: a picture less would be other numbers.
    """
    request = PaintRequest(
        studio.settings,
        [drawing.prompt_embeds for drawing in drawings],
        [drawing.seed for drawing in drawings],
        studio.negative_prompt_embeds,
        None,
    )
    images = studio.painter.paint(request, "pictures of prompts")
    facts = [drawing.facts for drawing in drawings]
    return list(studio.painter.workers.map(partial(_judge, studio.judge), images, facts))


def _judge(judge: Judge, image: GeneratedImage, facts: Facts) -> JudgedDrawing:
    picture = decode_picture(image.png)
    results = judge(picture, facts)
    return JudgedDrawing(
        picture, None if results is None else {fact.name: fact.held for fact in results}
    )
