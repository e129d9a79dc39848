"""Prompts through the text encoder with pads wherever one likes, alone or in a batch."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from transformers import PreTrainedModel

Placement = Literal["none", "right", "left", "left_own_positions", "center"]
"""Where the pads stand; with `left_own_positions` the tokens' positions still begin at 0."""
PLACEMENTS: tuple[Placement, ...] = get_args(Placement)


@torch.no_grad()
def encode_padded(
    text_encoder: PreTrainedModel,
    token_ids: Sequence[torch.Tensor],
    pad_id: int,
    length: int,
    placement: Placement,
) -> list[torch.Tensor]:
    """Z-Image's hidden layer -2 of prompts in one batch, pads left out: `(num_tokens, hidden)`.

    Args:
        text_encoder: in any number format.
        token_ids: `(num_tokens,)` int64 a prompt, `length` at most.
        pad_id: the pad token.
        length: what each is padded to; not read for "none", which takes one prompt at a time.
        placement: "center" puts half of the pads in front, and counts positions from the first.
    """
    if placement == "none":
        length = len(token_ids[0])
    shape = (len(token_ids), length)
    ids, mask = torch.full(shape, pad_id), torch.zeros(shape, dtype=torch.bool)
    positions = torch.arange(length).repeat(len(token_ids), 1)
    for row, tokens in enumerate(token_ids):
        num_pads = length - len(tokens)
        before = {"none": 0, "right": 0, "center": num_pads // 2}.get(placement, num_pads)
        ids[row, before : before + len(tokens)] = tokens
        mask[row, before : before + len(tokens)] = True
        if placement == "left_own_positions":
            positions[row] = (positions[row] - before).clamp_min(0)
    device = text_encoder.device
    states = text_encoder(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        position_ids=positions.to(device),
        output_hidden_states=True,
    ).hidden_states[-2]
    return [state[kept] for state, kept in zip(states.cpu(), mask, strict=True)]


def largest_token_change(changed: torch.Tensor, reference: torch.Tensor) -> float:
    """The largest over tokens of the difference's norm over the reference's, in float64."""
    difference = (changed.double() - reference.double()).norm(dim=-1)
    return float((difference / reference.double().norm(dim=-1)).max())
