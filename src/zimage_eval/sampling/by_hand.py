"""Draw single pictures from a text and a seed, by the same steps as the graph's stages.

A picture that the graph draws too (a prompt of the model's set with one of its seeds) is drawn in
the same batch as there, because the last bits depend on the batch; any other is drawn alone.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import PHASES, Phase, Phases
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant
from zimage_eval.model.devices import pick_device
from zimage_eval.model.folder import (
    IMAGE_PARTS,
    TEXT_PARTS,
    ModelLimits,
    check_model,
    max_caption_tokens,
    padded_length,
    unavailable_reason,
)
from zimage_eval.model.memory import check_memory
from zimage_eval.output.project import Project, RolePrompts
from zimage_eval.output.store import ImageStore
from zimage_eval.prompts.sets import Prompt, PromptRow, prompt_rows, split_phases
from zimage_eval.sampling.batches import (
    Batch,
    Embeddings,
    ImageRequest,
    PaintRequest,
    compose_batches,
    divide_request,
    plan_variant,
    request_phase,
)
from zimage_eval.sampling.generation import GeneratedImage
from zimage_eval.sampling.painter import Painter, open_painter
from zimage_eval.text.encoder import load_text_encoder, load_tokenizer
from zimage_eval.text.encoding import encode_texts
from zimage_eval.text.needed_encodings import Encoding, PhaseTexts, fit_phase
from zimage_eval.text.tokens import tokenize
from zimage_eval.text.wordings import Wordings, word_prompts, wording_key

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def phase_rows(sizes: Phases, prompts: Sequence[Prompt]) -> dict[Phase, list[PromptRow]]:
    """Rows of the PROMPTS table of each phase, as the graph makes them from a prompt set."""
    split = split_phases(prompts, sizes.screen.num_prompts, sizes.confirm.num_prompts)
    return {
        phase: prompt_rows(getattr(split, phase), getattr(sizes, phase).num_seeds)
        for phase in PHASES
    }


class DrawnByHand(NamedTuple):
    """A picture, and which of its texts were cut off before it was drawn."""

    image: GeneratedImage
    cuts: list[str]
    """A sentence for each text that was cut off; empty if all were read whole."""


def draw_by_hand(
    project: Project,
    prompts: RolePrompts,
    text: str,
    seed: int,
    variants: Sequence[Variant],
    store: ImageStore,
) -> list[DrawnByHand]:
    """Draw a picture of the text with each variant, in their order.

    Args:
        project: has the model.
        prompts: that the graph draws; a picture of one of them is drawn in the same batch as there.
        text: to draw.
        seed: of the noise.
        variants: settings to draw with.
        store: of pictures drawn before.

    Raises:
        ValueError: before any weights are loaded: a file is missing, the model lacks a setting, or
            the caption is too long for it; afterwards: a picture is not finite, or too large for
            the memory.
    """
    limits = check_model(project.model_folder, (*TEXT_PARTS, *IMAGE_PARTS), variants)
    for variant in variants:
        reason = unavailable_reason(limits, variant.settings)
        if reason is not None:
            raise ValueError(f"not available: {reason}")
    tokenizer, spec = load_tokenizer(project.model_folder), project.spec
    check_memory(project.model_folder, spec.dtype, (*TEXT_PARTS, *IMAGE_PARTS), pick_device())
    words = {text: None} | {prompt: None for texts in prompts.texts.values() for prompt in texts}
    settings = [variant.settings for variant in variants]
    wordings = word_prompts(words, settings, tokenizer, spec.filler_sentences)
    batches = [
        find_batch(spec.batch_size, prompts, text, seed, variant, tokenizer, wordings)
        for variant in variants
    ]
    painting = project.model_folder, spec.dtype, spec.batch_size, store, spec.engine
    with open_painter(*painting) as painter:
        embeddings = _encode(project, prompts, variants, batches, wordings, tokenizer, painter)

        def draw(variant: Variant, members: Sequence[ImageRequest]) -> DrawnByHand:
            batch = _one_batch(variant, members, wordings, embeddings, limits, prompts.texts)
            try:
                images = painter.draw(batch, variant.settings)
            except FloatingPointError as error:
                raise ValueError(_not_finite(variant, spec)) from error
            except MemoryError as error:
                raise ValueError(f"{variant.name}: {error}") from error
            cuts = find_cuts(text, variant.settings, tokenizer, wordings)
            return DrawnByHand(images[_place(members, text, seed)], cuts)

        return list(painter.workers.map(draw, variants, batches))


def _not_finite(variant: Variant, spec: ModelSpec) -> str:
    formats = ", ".join(f"{part} in {dtype}" for part, dtype in spec.dtype.model_dump().items())
    return (
        f"{variant.name}: the picture is not finite ({formats}); try bfloat16 or float32, "
        "or settings nearer to the model's own"
    )


def find_cuts(
    text: str, settings: Settings, tokenizer: "PreTrainedTokenizerBase", wordings: Wordings
) -> list[str]:
    """A sentence for each of prompt and negative prompt that `max_sequence_length` cuts off."""
    encoder, sampler = settings.encoder, settings.sampler
    texts = {"prompt": wordings[wording_key(text, settings)].text}
    if sampler.is_guided:
        texts["negative prompt"] = sampler.negative_prompt
    uncut = encoder.model_copy(update={"long_prompt": "pool"})
    cuts = []
    for name, words in texts.items():
        assert words is not None, "it was drawn"
        read = len(tokenize(tokenizer, words, encoder).token_ids)
        there = len(tokenize(tokenizer, words, uncut).token_ids)
        if encoder.long_prompt == "truncate" and read < there:
            cuts.append(
                f"the {name} is cut off: {read} of {there} tokens are read "
                "(encoder.max_sequence_length)"
            )
    return cuts


def find_batch(
    batch_size: int,
    prompts: RolePrompts,
    text: str,
    seed: int,
    variant: Variant,
    tokenizer: "PreTrainedTokenizerBase",
    wordings: Wordings,
) -> list[ImageRequest]:
    """The batch that the graph draws a picture in, or a batch of this picture alone.

    Raises:
        ValueError: the prompt has no wording of this kind, the caption is empty, or the caption or
            the negative prompt is so long that no position is left for the image.
    """
    requests = [ImageRequest(variant.name, "screen", "by hand", seed, text)]
    for phase, rows in prompts.rows.items():
        phase_requests = request_phase(variant.name, phase, rows)
        if any((request.text, request.seed) == (text, seed) for request in phase_requests):
            requests = phase_requests
            break
    settings = variant.settings
    worded = {request.text: wordings[wording_key(request.text, settings)] for request in requests}
    if worded[text].error is not None:
        raise ValueError(worded[text].error)
    lengths = {
        prompt: tokenize(tokenizer, wording.text, settings.encoder).caption_length
        for prompt, wording in worded.items()
        if wording.text is not None
    }
    requests = [request for request in requests if request.text in lengths]
    negative = 0
    if settings.sampler.is_guided:
        inputs = tokenize(tokenizer, settings.sampler.negative_prompt, settings.encoder)
        negative = inputs.caption_length
    if not lengths[text]:
        raise ValueError(f"{text!r} has no tokens with chat_template false")
    longest, limit = max(lengths[text], negative), max_caption_tokens(settings.rope)
    if padded_length(longest) > limit:
        raise ValueError(f"not available: {longest} tokens: captions end at {limit}")
    place = _place(requests, text, seed)
    composed = compose_batches([lengths[r.text] for r in requests], batch_size)
    return [requests[index] for index in next(batch for batch in composed if place in batch)]


def _place(requests: Sequence[ImageRequest], text: str, seed: int) -> int:
    return next(i for i, entry in enumerate(requests) if (entry.text, entry.seed) == (text, seed))


def _encode(
    project: Project,
    prompts: RolePrompts,
    variants: Sequence[Variant],
    batches: Sequence[Sequence[ImageRequest]],
    wordings: Wordings,
    tokenizer: "PreTrainedTokenizerBase",
    painter: Painter,
) -> Embeddings:
    wanted: set[Encoding] = set()
    for variant, members in zip(variants, batches, strict=True):
        encoder, sampler = variant.settings.encoder, variant.settings.sampler
        for member in members:
            worded = wordings[wording_key(member.text, variant.settings)].text
            assert worded is not None, "find_batch left it out"
            wanted.add((worded, encoder))
        if variant.settings.refiner.refiner_delta == "linear":
            fitted = prompts.texts[fit_phase(members[0].text, prompts.texts)]
            wanted |= {(prompt, encoder) for prompt in fitted}
        if sampler.is_guided:
            wanted.add((sampler.negative_prompt, encoder))
    encoded = encode_texts(
        wanted,
        prompts.texts,
        tokenizer,
        lambda: load_text_encoder(project.model_folder, project.spec.dtype, painter.device),
        painter.workers,
    )
    return {key: entry.prompt_embeds.float() for key, entry in encoded.items()}


def _one_batch(
    variant: Variant,
    members: Sequence[ImageRequest],
    wordings: Wordings,
    embeddings: Embeddings,
    limits: ModelLimits,
    texts: PhaseTexts,
) -> Batch:
    [(_, request)] = plan_variant(variant, members, wordings, embeddings, limits, texts)
    assert isinstance(request, PaintRequest), request
    [(_, batch)] = divide_request(request, len(members))
    assert isinstance(batch, Batch), batch
    return batch
