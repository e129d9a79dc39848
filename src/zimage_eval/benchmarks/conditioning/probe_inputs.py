"""Select prompts of a prompt set and encode them as the transformer takes them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch

from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.text.encoder import TextSide
from zimage_eval.text.encoding import encode_prompts

if TYPE_CHECKING:  # a name of types decides nothing
    from zimage_eval.prompts.sets import PromptRow

Item = TypeVar("Item")


class ProbeInput(NamedTuple):
    """A prompt with its first seed and its embeddings."""

    prompt_id: str
    category: str
    text: str
    seed: int
    prompt_embeds: torch.Tensor
    """`(num_tokens, hidden_size)` on the CPU, in the text encoder's number format."""


def take_evenly(items: Sequence[Item], number: int) -> list[Item]:
    """`number` items at equal distances, starting with the first; all items if there are fewer."""
    count = min(number, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def encode_rows(
    rows: "Sequence[PromptRow]", text_side: TextSide, settings: EncoderSettings
) -> list[ProbeInput]:
    """Encode each row of a PROMPTS table alone."""
    embeds = encode_prompts(*text_side, [row["text"] for row in rows], settings)
    return [
        ProbeInput(
            prompt_id=row["prompt_id"],
            category=row["category"],
            text=row["text"],
            seed=row["seeds"][0],
            prompt_embeds=prompt_embeds,
        )
        for row, prompt_embeds in zip(rows, embeds, strict=True)
    ]
