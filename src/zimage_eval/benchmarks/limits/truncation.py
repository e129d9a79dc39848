"""What a prompt loses if it is longer than `max_sequence_length`."""

import logging
import warnings
from collections.abc import Iterable

import torch
from diffusers import ZImagePipeline
from transformers import PreTrainedTokenizerBase

from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.text.chat_format import TURN_END
from zimage_eval.text.encoder import TextSide
from zimage_eval.text.tokens import tokenize


class _Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


def count_tokens(tokenizer: PreTrainedTokenizerBase, prompt: str, settings: EncoderSettings) -> int:
    """The number of tokens of a prompt in its chat format, without truncation."""
    whole = settings.model_copy(update={"max_sequence_length": 2**20, "padding_side": "none"})
    return len(tokenize(tokenizer, prompt, whole).token_ids)


def measure_truncation(
    text_side: TextSide, texts: Iterable[str], settings: EncoderSettings
) -> dict[str, float | None]:
    """Measure what ZImagePipeline keeps of a prompt with more than `max_sequence_length` tokens.

    Args:
        text_side: tokenizer and text encoder of the pipeline.
        texts: joined to a prompt of more than twice that many tokens.
        settings: the limit, and the chat format, whose tokens count too.
    """
    limit = settings.max_sequence_length
    prompt, num_tokens = "", 0
    for text in [*texts] * (2 * limit):
        prompt += text + ". "
        num_tokens = count_tokens(text_side.tokenizer, prompt, settings)
        if num_tokens > 2 * limit:
            break
    kept = tokenize(text_side.tokenizer, prompt, settings)
    pipe = ZImagePipeline(None, None, text_side.text_encoder, text_side.tokenizer, None)
    handler = _Messages()
    loggers = [logging.getLogger(name) for name in ("transformers", "diffusers")]
    for logger in loggers:
        logger.addHandler(handler)
    with warnings.catch_warnings(record=True) as caught, torch.no_grad():
        warnings.simplefilter("always")
        embeds = pipe.encode_prompt(
            prompt,
            text_side.text_encoder.device,
            do_classifier_free_guidance=False,
            max_sequence_length=limit,
        )[0][0]
    for logger in loggers:
        logger.removeHandler(handler)
    return {
        "prompt_tokens": num_tokens,
        "tokens_kept": len(embeds),
        "tokens_dropped": num_tokens - len(embeds),
        "closing_kept": float(TURN_END in kept.tokens),
        "template_tokens": count_tokens(text_side.tokenizer, "", settings),
        "warnings": len(caught) + len(handler.texts),
    }
