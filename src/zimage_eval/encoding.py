"""Texts -> prompt embeddings, bit for bit as ZImagePipeline makes them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from zimage_eval.chat_format import format_prompt
from zimage_eval.embeddings import TextEmbeddings
from zimage_eval.model_folder import ModelLimits, unavailable_reason
from zimage_eval.params import Phase, Variant, phase_variants
from zimage_eval.settings import EncoderSettings


class TokenizedText(NamedTuple):
    """A text as the encoder takes it."""

    text: str
    input_ids: torch.Tensor
    """`(1, max_sequence_length)` int64."""
    mask: torch.Tensor
    """`(1, max_sequence_length)` bool, False for padding."""
    tokens: list[str]
    """The vocabulary's spelling of each token, padding left out."""


def encode_prompts(
    tokenizer: PreTrainedTokenizerBase,
    text_encoder: PreTrainedModel,
    prompts: Sequence[str],
    settings: EncoderSettings,
) -> list[torch.Tensor]:
    """`prompt_embeds` as ZImagePipeline takes them: `(num_tokens, hidden_size)` a prompt.

    Raises:
        IndexError: the encoder lacks the hidden layer.
    """
    length, layers = settings.max_sequence_length, [settings.hidden_layer]
    return [
        encode_layers(text_encoder, tokenize(tokenizer, prompt, length), layers)[0].prompt_embeds
        for prompt in prompts
    ]


def tokenize(
    tokenizer: PreTrainedTokenizerBase, text: str, max_sequence_length: int
) -> TokenizedText:
    """A text in the chat template, padded to `max_sequence_length` as ZImagePipeline pads it.

    What exceeds that length is cut off at the end, the closing of the template included.
    Not for several threads at once: tokenizers keep the length they were last asked for.
    """
    inputs = tokenizer(
        [format_prompt(tokenizer, text, enable_thinking=True)],
        padding="max_length",
        max_length=max_sequence_length,
        truncation=True,
        return_tensors="pt",
    )
    mask = inputs.attention_mask.bool()
    tokens = tokenizer.convert_ids_to_tokens(inputs.input_ids[mask].tolist())
    return TokenizedText(text, inputs.input_ids, mask, tokens)


@torch.no_grad()
def encode_layers(
    text_encoder: PreTrainedModel, tokenized: TokenizedText, hidden_layers: Iterable[int]
) -> list[TextEmbeddings]:
    """Several hidden layers of one text, in one forward.

    A text is encoded alone and with its padding, as ZImagePipeline does for a single prompt,
    because the last bits of a matrix product depend on its shape.

    Args:
        text_encoder: on any device.
        tokenized: the text.
        hidden_layers: indices into `hidden_states`, in `[-n - 1, n]` for n layers.

    Raises:
        IndexError: the encoder lacks a hidden layer.
    """
    hidden_states = text_encoder(
        input_ids=tokenized.input_ids.to(text_encoder.device),
        attention_mask=tokenized.mask.to(text_encoder.device),
        output_hidden_states=True,
    ).hidden_states
    length = tokenized.mask.shape[1]
    return [
        TextEmbeddings(
            text=tokenized.text,
            settings=EncoderSettings(hidden_layer=layer, max_sequence_length=length),
            token_ids=tokenized.input_ids[tokenized.mask],
            tokens=tokenized.tokens,
            prompt_embeds=hidden_states[layer][0].cpu()[tokenized.mask[0]],
        )
        for layer in hidden_layers
    ]


def study_encodings(
    variants: Sequence[Variant],
    confirm: str | None,
    limits: ModelLimits,
    texts: Mapping[Phase, Sequence[str]],
) -> set[tuple[str, EncoderSettings]]:
    """Each text and setting that the images of a study are conditioned on.

    That is the prompts of the phases a variant runs in, and its negative prompt if it has guidance.
    Levels that the model lacks are left out.

    Raises:
        ValueError: the model lacks all of them.
    """
    wanted = set()
    for phase, prompts in texts.items():
        for variant in phase_variants(variants, phase, confirm):
            settings = variant.settings
            if unavailable_reason(limits, settings) is None:
                negative = [settings.sampler.negative_prompt]
                guided = settings.sampler.guidance_scale > 0
                for text in (*prompts, *(negative if guided else [])):
                    wanted.add((text, settings.encoder))
    if not wanted:
        raise ValueError(f"not available: {unavailable_reason(limits, variants[0].settings)}")
    return wanted
