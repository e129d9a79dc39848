"""Text -> the tokens that the text encoder runs on, and which of them become the caption."""

from typing import NamedTuple

import torch
from transformers import PreTrainedTokenizerBase

from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.text.chat_format import ChatText, format_prompt


class Chunk(NamedTuple):
    """What goes through the text encoder in one forward."""

    input_ids: torch.Tensor
    """`(1, length)` int64, pads included."""
    mask: torch.Tensor
    """`(1, length)` bool, False for padding."""
    kept: slice
    """Which of the tokens, pads left out, become part of the caption."""


class EncoderInput(NamedTuple):
    """A text as the encoder takes it."""

    text: str
    settings: EncoderSettings
    chunks: tuple[Chunk, ...]
    """One, but for a long prompt in chunks."""
    token_ids: torch.Tensor
    """`(num_tokens,)` int64 of what is encoded, before a long prompt is condensed."""
    tokens: list[str]
    """The vocabulary's spelling of each of them."""

    @property
    def caption_length(self) -> int:
        """Vectors of its caption."""
        length = len(self.token_ids)
        return min(length, self.settings.max_sequence_length) if self.is_condensed else length

    @property
    def is_condensed(self) -> bool:
        """Whether its caption has fewer vectors than tokens."""
        return (
            self.settings.long_prompt in ("pool", "interpolate")
            and len(self.token_ids) > self.settings.max_sequence_length
        )


def tokenize(
    tokenizer: PreTrainedTokenizerBase, text: str, settings: EncoderSettings
) -> EncoderInput:
    """A text in its chat format, cut and padded as ZImagePipeline does it for neutral settings.

    Up to `max_sequence_length` tokens, it is padded to that length. A longer one is cut off at its
    end, the closing of the chat format included, or taken whole and unpadded to be condensed
    later, or cut into chunks that each stand in the chat format and are padded.

    Raises:
        ValueError: chunks are asked for, and the chat format alone fills one.
    """
    parts = format_prompt(tokenizer, text, settings)
    encoded = tokenizer("".join(parts), return_offsets_mapping=True)
    ids, limit = list(encoded.input_ids), settings.max_sequence_length
    if len(ids) <= limit or settings.long_prompt == "truncate":
        chunks = [_pad(tokenizer, ids[:limit], settings, slice(None))]
    elif settings.long_prompt == "chunk":
        starts = [start for start, _ in encoded.offset_mapping]
        chunks = _cut(tokenizer, ids, starts, parts, settings)
    else:
        mask = torch.ones(1, len(ids), dtype=torch.bool)
        chunks = [Chunk(torch.tensor([ids]), mask, slice(None))]
    token_ids = torch.cat([chunk.input_ids[chunk.mask][chunk.kept] for chunk in chunks])
    tokens = tokenizer.convert_ids_to_tokens(token_ids.tolist())
    return EncoderInput(text, settings, tuple(chunks), token_ids, tokens)


def _pad(
    tokenizer: PreTrainedTokenizerBase, ids: list[int], settings: EncoderSettings, kept: slice
) -> Chunk:
    num_pads = settings.max_sequence_length - len(ids)
    if settings.padding_side == "none":
        num_pads = 0
    pads, is_pad = [tokenizer.pad_token_id] * num_pads, [False] * num_pads
    is_token = [True] * len(ids)
    if settings.padding_side == "left":
        ids, mask = pads + ids, is_pad + is_token
    else:
        ids, mask = ids + pads, is_token + is_pad
    shape = (1, len(ids))
    return Chunk(
        torch.tensor(ids, dtype=torch.int64).reshape(shape),
        torch.tensor(mask, dtype=torch.bool).reshape(shape),
        kept,
    )


def _cut(
    tokenizer: PreTrainedTokenizerBase,
    ids: list[int],
    starts: list[int],
    parts: ChatText,
    settings: EncoderSettings,
) -> list[Chunk]:
    """Chunks as full as they go; the first keeps the beginning of the chat, the last its end."""
    first = sum(start < len(parts.before) for start in starts)
    last = sum(start < len(parts.before) + len(parts.prompt) for start in starts)
    before, content, after = ids[:first], ids[first:last], ids[last:]
    room = settings.max_sequence_length - len(before) - len(after)
    if room < 1:
        raise ValueError(
            f"encoder.max_sequence_length: {settings.max_sequence_length} leaves a chunk no room "
            f"for the prompt; allowed beside this chat format: {len(before) + len(after) + 1} on"
        )
    chunks = []
    for start in range(0, len(content), room):
        piece = content[start : start + room]
        is_first, is_last = start == 0, start + room >= len(content)
        kept = slice(0 if is_first else first, None if is_last else first + len(piece))
        chunks.append(_pad(tokenizer, [*before, *piece, *after], settings, kept))
    return chunks
