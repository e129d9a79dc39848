"""Texts -> prompt embeddings, bit for bit as ZImagePipeline makes them for neutral settings.

Each text runs through the encoder once in each way of running it (chat format, padding, length);
all layers that are asked of it come from that one forward.
"""

import sys
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
from zimage_eval.config.variants import Variant, phase_variants
from zimage_eval.model.folder import ModelLimits, unavailable_reason
from zimage_eval.text.chat_format import NO_TOKEN
from zimage_eval.text.embeddings import TextEmbeddings
from zimage_eval.text.hidden_layers import run_encoder, select_layer
from zimage_eval.text.layer_maps import LayerMap, PhaseTexts, fit_linear_map, fit_moments, fit_phase
from zimage_eval.text.tokens import EncoderInput, tokenize
from zimage_eval.text.wordings import Wordings, wording_key

Encoding = tuple[str, EncoderSettings]
"""A text and how it is encoded."""

TARGET_LAYER: Final = -2
"""What other layers are mapped to: the one that Z-Image was trained on."""
_FITS: Final = {"moments": fit_moments, "ridge": fit_linear_map}


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase,
    text_encoder: PreTrainedModel,
    prompts: Sequence[str],
    settings: EncoderSettings,
) -> list[torch.Tensor]:
    """`prompt_embeds` as ZImagePipeline takes them: `(num_tokens, hidden_size)` a prompt.

    Raises:
        IndexError: the encoder lacks the hidden layer.
        ValueError: the settings map the layer, which takes other texts to fit the map on.
    """
    if settings.layer_map != "none":
        raise ValueError(f"layer_map {settings.layer_map}: a map is fitted on a set of prompts")
    inputs = [tokenize(tokenizer, prompt, settings) for prompt in prompts]
    return [
        encode_layers(text_encoder, one, [settings.hidden_layer])[0].prompt_embeds for one in inputs
    ]


def encode_layers(
    text_encoder: PreTrainedModel, inputs: EncoderInput, hidden_layers: Iterable[HiddenLayer]
) -> list[TextEmbeddings]:
    """Several hidden layers of one text, none of them mapped, in one forward a chunk.

    A text is encoded alone and with its padding, as ZImagePipeline does for a single prompt,
    because the last bits of a matrix product depend on its shape.

    Args:
        text_encoder: on any device.
        inputs: the text.
        hidden_layers: what is asked of it; the layer in its own settings is not read.

    Raises:
        IndexError: the encoder lacks a hidden layer.
    """
    states = [(run_encoder(text_encoder, chunk), chunk) for chunk in inputs.chunks]
    token_ids, tokens = inputs.token_ids, inputs.tokens
    limit, how = inputs.settings.max_sequence_length, inputs.settings.long_prompt
    if inputs.is_condensed:
        tokens = [tokens[index] for index in nearest_tokens(len(tokens), limit).tolist()]
        token_ids = torch.full((limit,), NO_TOKEN)
    entries = []
    for layer in hidden_layers:
        embeds = torch.cat([select_layer(*chunk, layer) for chunk in states])
        if inputs.is_condensed and how in ("pool", "interpolate"):
            embeds = condense(embeds, limit, how)
        settings = inputs.settings.model_copy(update={"hidden_layer": layer, "layer_map": "none"})
        entries.append(TextEmbeddings(inputs.text, settings, token_ids, tokens, embeds))
    return entries


def encode_texts(
    wanted: Collection[Encoding],
    texts: PhaseTexts,
    tokenizer: PreTrainedTokenizerBase,
    load_encoder: Callable[[], PreTrainedModel],
    workers: Executor,
) -> dict[Encoding, TextEmbeddings]:
    """All that is wanted, each text run once in each way of running it; shows its progress.

    Args:
        wanted: texts and settings.
        texts: the prompt set, where maps are fitted.
        tokenizer: asked first, because it may refuse settings.
        load_encoder: loads the weights.
        workers: where forwards run.
    """
    forwards = plan_forwards(wanted, texts)
    inputs = [tokenize(tokenizer, *key) for key in forwards]
    results = workers.map(partial(encode_layers, load_encoder()), inputs, forwards.values())
    interval = 0.2 if sys.stderr.isatty() else 10
    plain: dict[Encoding, TextEmbeddings] = {}
    for entries in tqdm(results, "texts", len(inputs), unit="text", mininterval=interval):
        plain |= {(entry.text, entry.settings): entry for entry in entries}
    return map_layers(wanted, plain, texts)


def plan_forwards(
    wanted: Iterable[Encoding], texts: PhaseTexts
) -> dict[Encoding, set[HiddenLayer]]:
    """What to run: each text in each way of running it, and the layers to take from there.

    Args:
        wanted: what is asked for.
        texts: where maps are fitted; those texts are run as well, in the layers they need.
    """
    forwards: dict[Encoding, set[HiddenLayer]] = {}

    def need(text: str, settings: EncoderSettings) -> None:
        layers = forwards.setdefault((text, _target(settings)), set())
        layers.add(settings.hidden_layer)

    for phase, settings in {(fit_phase(t, texts), s) for t, s in wanted if s.layer_map != "none"}:
        for text in texts[phase]:
            need(text, settings)
            need(text, _target(settings))
    for text, settings in wanted:
        need(text, settings)
    return forwards


def map_layers(
    wanted: Iterable[Encoding], plain: Mapping[Encoding, TextEmbeddings], texts: PhaseTexts
) -> dict[Encoding, TextEmbeddings]:
    """What was asked for, from the layers as the encoder gives them.

    A map is fitted on the prompts of one phase and applied to all other texts, so that no text is
    mapped by a map that has seen it: the confirmed prompts make the map for the screened ones, the
    screened prompts that for everything else.

    Args:
        wanted: what is asked for.
        plain: all that `plan_forwards` says, by text and unmapped settings.
        texts: as `plan_forwards` got them.
    """
    maps: dict[tuple[Phase, EncoderSettings], LayerMap] = {}
    mapped = {}
    for text, settings in wanted:
        unmapped = settings.model_copy(update={"layer_map": "none"})
        entry = plain[text, unmapped]
        if settings.layer_map != "none":
            key = (fit_phase(text, texts), settings)
            if key not in maps:
                sources = [plain[other, unmapped].prompt_embeds for other in texts[key[0]]]
                targets = [plain[other, _target(settings)].prompt_embeds for other in texts[key[0]]]
                maps[key] = _FITS[settings.layer_map](sources, targets)
            entry = entry._replace(settings=settings, prompt_embeds=maps[key](entry.prompt_embeds))
        mapped[text, settings] = entry
    return mapped


def study_encodings(
    variants: Sequence[Variant],
    confirm: str | None,
    limits: ModelLimits,
    texts: PhaseTexts,
    wordings: Wordings,
) -> set[Encoding]:
    """Each text and setting that the images of a study are conditioned on.

    That is the prompts of the phases a variant runs in, as its settings word them, and its negative
    prompt if it has guidance; and all prompts as written for a variant whose refiner is replaced by
    a map that is fitted on others. Levels that the model lacks are left out, and prompts that can't
    be worded so.

    Raises:
        ValueError: the model lacks all of them.
    """
    wanted = set()
    for phase, prompts in texts.items():
        for variant in phase_variants(variants, phase, confirm):
            settings = variant.settings
            if unavailable_reason(limits, settings) is None:
                worded = [wordings[wording_key(text, settings)].text for text in prompts]
                negative = [settings.sampler.negative_prompt]
                guided = settings.sampler.guidance_scale > 0
                fitted = settings.refiner.refiner_delta == "linear"
                others = texts[fit_phase(prompts[0], texts)] if fitted and prompts else []
                for text in (*worded, *others, *(negative if guided else [])):
                    if text is not None:
                        wanted.add((text, settings.encoder))
    if not wanted:
        raise ValueError(f"not available: {unavailable_reason(limits, variants[0].settings)}")
    return wanted


def _target(settings: EncoderSettings) -> EncoderSettings:
    """The same way of running a text, and of that the layer that others are mapped to."""
    return settings.model_copy(update={"hidden_layer": TARGET_LAYER, "layer_map": "none"})


def condense(
    embeds: torch.Tensor, length: int, how: Literal["pool", "interpolate"]
) -> torch.Tensor:
    """`(num_tokens, hidden_size)` of any float type -> `(length, hidden_size)` float32.

    Args:
        embeds: more than `length` vectors.
        length: how many are wanted.
        how: "pool" averages `length` stretches of neighbours, as equal as they can be (they share
            a token where they can't); "interpolate" takes the values at `length` places evenly
            from the first to the last vector, on straight lines between neighbours.
    """
    channels = embeds.float().T[None]
    if how == "pool":
        condensed = F.adaptive_avg_pool1d(channels, length)
    else:
        condensed = F.interpolate(channels, length, mode="linear", align_corners=True)
    return condensed[0].T.contiguous()


def nearest_tokens(num_tokens: int, length: int) -> torch.Tensor:
    """`(length,)` int64: index of a token at or near the place of each condensed vector."""
    places = torch.arange(length, dtype=torch.float64) * (num_tokens - 1) / max(1, length - 1)
    return places.round().long()
