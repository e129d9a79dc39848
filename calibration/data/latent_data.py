"""Training pairs as tensors: latents and prompt_embeds, grouped by their sizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import Qwen2Tokenizer, Qwen3Model

from calibration.data.scene_pairs import ScenePairs
from calibration.train.train_autoencoder import encode_pictures
from calibration.train.train_text_encoder import (
    ChatCaption,
    encode_ids,
    stack_by_length,
    tokenize_captions,
)
from zimage_eval.config.setting_groups import HiddenLayer

_STRIDE: Final = 7919
"""Rows between a caption and the one whose place it takes: scenes of one kind stand together."""


@dataclass(frozen=True)
class Captions:
    """prompt_embeds of texts of one padded length."""

    embeds: Tensor
    """`(num_texts, padded_length, hidden_size)` half; what stands on pads is never read."""
    lengths: Tensor
    """Tokens of each text, `(num_texts,)`."""

    def sample_tokens(self, num_texts: int) -> Tensor:
        """All tokens of the first texts, `(num_tokens, hidden_size)` fp32."""
        embeds = self.embeds[:num_texts].float()
        positions = torch.arange(embeds.shape[1], device=embeds.device)
        return embeds[positions < self.lengths[:num_texts, None]]

    def rows(self, index: slice | Tensor) -> "Captions":
        """Some of the texts."""
        return Captions(self.embeds[index], self.lengths[index])


@dataclass(frozen=True)
class PairGroup:
    """Pairs of one latent size and one padded caption length."""

    latents: Tensor
    """`(num_pairs, channels, height, width)` half, scaled to mean 0 and spread 1."""
    captions: Captions


def encode_captions(
    model: Qwen3Model,
    tokenizer: Qwen2Tokenizer,
    captions: Sequence[ChatCaption],
    hidden_layer: HiddenLayer,
) -> list[tuple[list[int], Captions]]:
    """Rows and prompt_embeds of the captions of each padded length."""
    device = model.embed_tokens.weight.device
    stacked = stack_by_length(tokenize_captions(tokenizer, captions), tokenizer.pad_token_id)
    return [
        (rows, Captions(encode_ids(model, ids, hidden_layer), lengths.to(device)))
        for rows, ids, lengths in stacked.values()
    ]


def drop_captions(table: ScenePairs, null_share: float) -> list[ChatCaption]:
    """The captions of a table, `null_share` of them empty.

    Where captions have a think block, as many others lose it and are another picture's: what
    stands in the wrong format is learned to say nothing.
    """
    captions = list(map(ChatCaption, table.texts, table.think_blocks))
    if not null_share:
        return captions
    every = round(1 / null_share)
    for row in range(every - 1, len(captions), every):
        think_block = captions[row].think_block
        captions[row] = ChatCaption("", None if think_block is None else "")
    for row in range(every // 2 - 1, len(captions), every):
        if captions[row].think_block is not None:
            captions[row] = ChatCaption(table.texts[(row + _STRIDE) % len(captions)], None)
    return captions


def build_pair_groups(
    tables: Sequence[ScenePairs],
    vae: AutoencoderKL,
    text_encoder: Qwen3Model,
    tokenizer: Qwen2Tokenizer,
    hidden_layer: HiddenLayer,
    null_share: float,
    device: torch.device,
) -> list[PairGroup]:
    """All pairs; in `null_share` of them the caption is empty, which trains the guidance."""
    groups = []
    for table in tables:
        latents = encode_pictures(vae, table, device)
        chats = drop_captions(table, null_share)
        for rows, captions in encode_captions(text_encoder, tokenizer, chats, hidden_layer):
            index = torch.tensor(rows, device=latents.device)
            groups.append(PairGroup(latents[index], captions))
    return groups
