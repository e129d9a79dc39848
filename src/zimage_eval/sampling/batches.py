"""Batches of images. They depend only on the prompt list, so they are equal on every run."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from zimage_eval.config.params import Phase
from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant, phase_variants
from zimage_eval.model.captions import RefinerFit
from zimage_eval.model.folder import (
    ModelLimits,
    max_caption_tokens,
    padded_length,
    unavailable_reason,
)
from zimage_eval.text.needed_encodings import PhaseTexts, fit_phase
from zimage_eval.text.wordings import Wordings, wording_key

Embeddings = Mapping[tuple[str, EncoderSettings], torch.Tensor]


class ImageRequest(NamedTuple):
    """An image that a study asks for."""

    variant: str
    phase: Phase
    prompt_id: str
    seed: int
    text: str
    """The prompt as written."""

    @property
    def file(self) -> str:
        """Where the image goes, relative to the study's folder."""
        return f"{self.variant}/{self.prompt_id.replace('/', '_')}-{self.seed}.png"


class Batch(NamedTuple):
    """What goes through the transformer together."""

    prompt_embeds: list[torch.Tensor]
    """`(num_tokens, hidden_size)` float32 an image, of one padded length."""
    negative_prompt_embeds: torch.Tensor | None
    """The same for all images; None without guidance."""
    seeds: list[int]
    refiner_fit: RefinerFit | None = None
    """What a linear map in the refiner's place is fitted on; None if the refiner runs."""


class PaintRequest(NamedTuple):
    """Pictures that share their settings; batches are composed among them."""

    settings: Settings
    prompt_embeds: Sequence[torch.Tensor]
    """`(num_tokens, hidden_size)` float32 a picture."""
    seeds: Sequence[int]
    """One a picture."""
    negative_prompt_embeds: torch.Tensor | None
    """The same for all pictures; None without guidance."""
    refiner_fit: RefinerFit | None
    """What a linear map in the refiner's place is fitted on; None if the refiner runs."""


PlannedImages = tuple[list[ImageRequest], PaintRequest | str]
"""Images, and how they are painted: one a place of the request, or the reason why they can't be."""


def request_images(
    variants: Sequence[Variant],
    confirm: str | None,
    prompts: Mapping[Phase, Sequence[Mapping[str, Any]]],
) -> list[tuple[Variant, list[ImageRequest]]]:
    """What a study asks for, by phase and variant: an image a prompt and seed.

    Args:
        variants: of the study, the baseline among them.
        confirm: name of the rival that is confirmed, or None.
        prompts: the rows of each phase's PROMPTS table.
    """
    return [
        (
            variant,
            request_phase(variant.name, phase, rows),
        )
        for phase, rows in prompts.items()
        for variant in phase_variants(variants, phase, confirm)
    ]


def request_phase(
    variant: str, phase: Phase, prompts: Sequence[Mapping[str, Any]]
) -> list[ImageRequest]:
    """What one phase asks of one variant, in the order of the prompts."""
    return [
        ImageRequest(variant, phase, prompt["prompt_id"], seed, prompt["text"])
        for prompt in prompts
        for seed in prompt["seeds"]
    ]


def compose_batches(caption_lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Indices of the captions of each batch, `batch_size` at most.

    A batch holds captions of one padded length only, so no attention mask is ever built for them.

    Args:
        caption_lengths: number of tokens of each caption, in the order of the prompts.
        batch_size: most captions in a batch.
    """
    by_length: dict[int, list[int]] = {}
    for index, length in enumerate(caption_lengths):
        by_length.setdefault(padded_length(length), []).append(index)
    return [
        group[start : start + batch_size]
        for _, group in sorted(by_length.items())
        for start in range(0, len(group), batch_size)
    ]


def divide_request(request: PaintRequest, batch_size: int) -> list[tuple[list[int], Batch | str]]:
    """The batches of a request with the places of their pictures, or a reason why one can't be.

    Args:
        request: pictures that share their settings.
        batch_size: most pictures in a batch.
    """
    negative = request.negative_prompt_embeds
    most = max_caption_tokens(request.settings.rope)
    parts: list[tuple[list[int], Batch | str]] = []
    for places in compose_batches([len(embeds) for embeds in request.prompt_embeds], batch_size):
        embeds = [request.prompt_embeds[place] for place in places]
        seeds = [request.seeds[place] for place in places]
        longest = max(len(embeds[0]), 0 if negative is None else len(negative))
        if padded_length(longest) > most:
            # On a GPU this would be a device assert, after which the process can do no more.
            parts.append((places, f"{longest} tokens: captions end at {most}"))
        else:
            parts.append((places, Batch(embeds, negative, seeds, request.refiner_fit)))
    return parts


def plan_variant(
    variant: Variant,
    requests: Sequence[ImageRequest],
    wordings: Wordings,
    embeddings: Embeddings,
    limits: ModelLimits,
    texts: PhaseTexts,
) -> list[PlannedImages]:
    """What is painted for a variant, or for requests that the model can't meet, the reason.

    Args:
        variant: of a study.
        requests: of one phase.
        wordings: how the variant words their texts.
        embeddings: of all that they are worded as, and of those that a map is fitted on.
        limits: of the model.
        texts: the prompt set, where maps are fitted.

    Raises:
        ValueError: a text has no embeddings.
    """
    settings = variant.settings
    reason = unavailable_reason(limits, settings)
    if reason is not None:
        return [(list(requests), reason)]
    encoder, sampler = settings.encoder, settings.sampler
    negative = None
    if sampler.is_guided:
        negative = _look_up(embeddings, sampler.negative_prompt, encoder)
    fit = None
    if requests and settings.refiner.refiner_delta == "linear":
        others = texts[fit_phase(requests[0].text, texts)]
        fit = RefinerFit([_look_up(embeddings, text, encoder) for text in others])
    planned: list[PlannedImages] = []
    embeds, worded = [], []
    for request in requests:
        key = wording_key(request.text, settings)
        if key not in wordings:
            raise ValueError(f"no wording of {request.text!r}; extract_embeddings is due")
        text, error = wordings[key]
        if text is None:
            planned.append(([request], str(error)))
        else:
            worded.append(request)
            embeds.append(_look_up(embeddings, text, encoder))
    seeds = [request.seed for request in worded]
    return [*planned, (worded, PaintRequest(settings, embeds, seeds, negative, fit))]


def _look_up(embeddings: Embeddings, text: str, encoder: EncoderSettings) -> torch.Tensor:
    if (text, encoder) not in embeddings:
        raise ValueError(f"no embeddings of {text!r} under {encoder!r}; extract_embeddings is due")
    return embeddings[text, encoder]
