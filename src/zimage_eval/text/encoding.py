"""Encoding texts: prompt embeddings, bit-identical to ZImagePipeline's for neutral settings.

A text runs through the encoder once for each combination of chat format, padding and length; all
layers that are needed come from that one forward.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Final, Literal

import torch
import torch.nn.functional as F
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from zimage_eval.config.params import Phase
from zimage_eval.config.setting_groups import EncoderSettings, HiddenLayer
from zimage_eval.output.progress import progress_interval
from zimage_eval.text.chat_format import NO_TOKEN
from zimage_eval.text.embeddings import TextEmbeddings
from zimage_eval.text.hidden_layers import run_encoder, select_layer
from zimage_eval.text.layer_maps import LayerMap, fit_linear_map, fit_moments
from zimage_eval.text.needed_encodings import Encoding, PhaseTexts, fit_phase
from zimage_eval.text.tokens import EncoderInput, tokenize

TARGET_LAYER: Final = -2
"""The layer that Z-Image was trained on; maps lead to it."""
_FIT_MAP: Final = {"moments": fit_moments, "ridge": fit_linear_map}


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase,
    text_encoder: PreTrainedModel,
    prompts: Sequence[str],
    settings: EncoderSettings,
) -> list[torch.Tensor]:
    """`prompt_embeds` for ZImagePipeline: `(num_tokens, hidden_size)` for each prompt.

    Raises:
        IndexError: the encoder lacks the hidden layer.
        ValueError: the settings map the layer; a map has to be fitted on a set of prompts.
    """
    if settings.layer_map != "none":
        raise ValueError(
            f"layer_map: {settings.layer_map!r} needs a set of prompts to fit the map on; allowed "
            "here: 'none'"
        )
    inputs = [tokenize(tokenizer, prompt, settings) for prompt in prompts]
    return [
        encode_layers(text_encoder, encoder_input, [settings.hidden_layer])[0].prompt_embeds
        for encoder_input in inputs
    ]


def encode_layers(
    text_encoder: PreTrainedModel, inputs: EncoderInput, hidden_layers: Iterable[HiddenLayer]
) -> list[TextEmbeddings]:
    """Several hidden layers of one text, without any map, from one forward for each chunk.

    A text is encoded alone and with its padding, as ZImagePipeline does for a single prompt,
    because the last bits of a matrix product depend on its shape.

    Args:
        text_encoder: on any device.
        inputs: the text and its settings, whose `hidden_layer` is not read.
        hidden_layers: one result is returned for each.

    Raises:
        IndexError: the encoder lacks a hidden layer.
    """
    states = [(run_encoder(text_encoder, chunk), chunk) for chunk in inputs.chunks]
    token_ids, tokens = inputs.token_ids, inputs.tokens
    limit, method = inputs.settings.max_sequence_length, inputs.settings.long_prompt
    if inputs.is_condensed:
        tokens = [tokens[index] for index in nearest_tokens(len(tokens), limit).tolist()]
        token_ids = torch.full((limit,), NO_TOKEN)
    entries = []
    for layer in hidden_layers:
        embeds = torch.cat([select_layer(*chunk, layer) for chunk in states])
        if inputs.is_condensed and method in ("pool", "interpolate"):
            embeds = condense(embeds, limit, method)
        settings = inputs.settings.model_copy(update={"hidden_layer": layer, "layer_map": "none"})
        entries.append(
            TextEmbeddings(
                text=inputs.text,
                settings=settings,
                token_ids=token_ids,
                tokens=tokens,
                prompt_embeds=embeds,
            )
        )
    return entries


def encode_texts(
    encodings: Collection[Encoding],
    texts: PhaseTexts,
    tokenizer: PreTrainedTokenizerBase,
    load_encoder: Callable[[], PreTrainedModel],
    workers: Executor,
) -> dict[Encoding, TextEmbeddings]:
    """Embeddings of all encodings, with as few forwards as possible; shows a progress bar.

    Args:
        encodings: texts and settings.
        texts: the prompt set that maps are fitted on.
        tokenizer: is run before the weights are loaded, because it may refuse settings.
        load_encoder: loads the weights.
        workers: run the forwards.
    """
    forwards = plan_forwards(encodings, texts)
    inputs = [tokenize(tokenizer, *key) for key in forwards]
    results = workers.map(partial(encode_layers, load_encoder()), inputs, forwards.values())
    unmapped: dict[Encoding, TextEmbeddings] = {}
    for entries in tqdm(
        results, "texts", len(inputs), unit="text", mininterval=progress_interval()
    ):
        unmapped |= {(entry.text, entry.settings): entry for entry in entries}
    return map_layers(encodings, unmapped, texts)


def plan_forwards(
    encodings: Iterable[Encoding], texts: PhaseTexts
) -> dict[Encoding, set[HiddenLayer]]:
    """The forwards to run: text and settings -> the layers to take from that forward.

    Args:
        encodings: texts and settings that are needed.
        texts: the prompt set that maps are fitted on; its texts are added for the fits.
    """
    forwards: dict[Encoding, set[HiddenLayer]] = {}

    def add_layer(text: str, settings: EncoderSettings) -> None:
        layers = forwards.setdefault((text, _target(settings)), set())
        layers.add(settings.hidden_layer)

    for phase, settings in {
        (fit_phase(t, texts), s) for t, s in encodings if s.layer_map != "none"
    }:
        for text in texts[phase]:
            add_layer(text, settings)
            add_layer(text, _target(settings))
    for text, settings in encodings:
        add_layer(text, settings)
    return forwards


def map_layers(
    encodings: Iterable[Encoding], unmapped: Mapping[Encoding, TextEmbeddings], texts: PhaseTexts
) -> dict[Encoding, TextEmbeddings]:
    """The embeddings of all encodings, mapped where their settings say so.

    A map is fitted on the prompts of one phase and applied to all other texts, so that it is never
    applied to a text that it was fitted on: the map for the screened prompts comes from the
    confirmed ones, the map for all other texts from the screened prompts.

    Args:
        encodings: texts and settings that are needed.
        unmapped: the results of `plan_forwards`, by text and settings without a map.
        texts: the same as for `plan_forwards`.
    """
    maps: dict[tuple[Phase, EncoderSettings], LayerMap] = {}
    mapped = {}
    for text, settings in encodings:
        unmapped_settings = settings.model_copy(update={"layer_map": "none"})
        entry = unmapped[text, unmapped_settings]
        if settings.layer_map != "none":
            key = (fit_phase(text, texts), settings)
            if key not in maps:
                fit_texts = texts[key[0]]
                sources = [unmapped[t, unmapped_settings].prompt_embeds for t in fit_texts]
                targets = [unmapped[t, _target(settings)].prompt_embeds for t in fit_texts]
                maps[key] = _FIT_MAP[settings.layer_map](sources, targets)
            entry = entry._replace(settings=settings, prompt_embeds=maps[key](entry.prompt_embeds))
        mapped[text, settings] = entry
    return mapped


def condense(
    embeds: torch.Tensor, length: int, method: Literal["pool", "interpolate"]
) -> torch.Tensor:
    """A long prompt's embeddings brought to `(length, hidden_size)` float32.

    Args:
        embeds: `(num_tokens, hidden_size)` of any float type, more than `length` vectors.
        length: number of vectors that are returned.
        method: "pool" averages `length` stretches of neighbors of nearly equal length (two
            stretches share a token where the lengths don't divide); "interpolate" takes values at
            `length` evenly spaced places from the first to the last vector, linearly between
            neighbors.
    """
    channels = embeds.float().T[None]
    if method == "pool":
        condensed = F.adaptive_avg_pool1d(channels, length)
    else:
        condensed = F.interpolate(channels, length, mode="linear", align_corners=True)
    return condensed[0].T.contiguous()


def nearest_tokens(num_tokens: int, length: int) -> torch.Tensor:
    """`(length,)` int64: index of the token nearest to the place of each condensed vector."""
    places = torch.arange(length, dtype=torch.float64) * (num_tokens - 1) / max(1, length - 1)
    return places.round().long()


def _target(settings: EncoderSettings) -> EncoderSettings:
    """The same settings with the target layer and without a map."""
    return settings.model_copy(update={"hidden_layer": TARGET_LAYER, "layer_map": "none"})
