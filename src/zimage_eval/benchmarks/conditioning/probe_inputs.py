"""A few prompts of a prompt set as the transformer takes them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch

from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.text.encoder import TextSide
from zimage_eval.text.encoding import encode_prompts

Item = TypeVar("Item")


class ProbeInput(NamedTuple):
    """A prompt and its first seed."""

    prompt_id: str
    category: str
    text: str
    seed: int
    prompt_embeds: torch.Tensor
    """`(num_tokens, hidden_size)` on the CPU, in the text encoder's number format."""


def take_evenly(items: Sequence[Item], number: int) -> list[Item]:
    """`number` items from the first on, at equal distances; all of them if there are fewer."""
    count = min(number, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def encode_rows(
    rows: Sequence[Mapping[str, Any]], text_side: TextSide, settings: EncoderSettings
) -> list[ProbeInput]:
    """Rows of a PROMPTS table, each encoded alone."""
    embeds = encode_prompts(*text_side, [row["text"] for row in rows], settings)
    return [
        ProbeInput(row["prompt_id"], row["category"], row["text"], row["seeds"][0], one)
        for row, one in zip(rows, embeds, strict=True)
    ]
