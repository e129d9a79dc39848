"""The context refiner under other settings than its own.

It is the few blocks in which a caption's tokens attend to each other before they meet the image.
"""

from functools import lru_cache
from pathlib import Path
from typing import Final

import torch
from diffusers import ZImageTransformer2DModel
from diffusers.models.transformers.transformer_z_image import (
    RopeEmbedder,
    TimestepEmbedder,
    ZImageTransformerBlock,
)
from safetensors import safe_open
from torch import nn

from zimage_eval.config.setting_groups import RefinerSettings
from zimage_eval.model.module_views import view_module
from zimage_eval.statistics.linear_maps import LinearMap

RANDOM_SEED: Final = 0
"""Of the directions that `refiner_delta: random` moves tokens in."""


class RecordedTimestep(nn.Module):
    """A transformer's `t_embedder` that keeps what it gave last, for the refiner gets none."""

    def __init__(self, embedder: TimestepEmbedder) -> None:
        super().__init__()
        self.embedder = embedder
        self.last: torch.Tensor | None = None
        """`(batch, channels)`."""

    def forward(self, t: torch.Tensor) -> torch.Tensor:
        """Embedding `(batch, channels)` of scaled timesteps `(batch,)`."""
        self.last = self.embedder(t)
        return self.last


class ContextRefiner(nn.Module):
    """Takes the place of all blocks of a transformer's context refiner."""

    def __init__(
        self,
        blocks: nn.ModuleList,
        settings: RefinerSettings,
        rope: RopeEmbedder | None,
        timestep: RecordedTimestep | None,
        linear: LinearMap | None,
    ) -> None:
        """Share the weights of `blocks`, which stay as they are.

        Args:
            blocks: the transformer's `context_refiner`.
            settings: if neutral, the result is bit-identical to that of `blocks`.
            rope: positions of the caption; None takes those of the whole transformer.
            timestep: what modulates the blocks; None leaves them as diffusers has them.
            linear: from unrefined to refined tokens, in the place of the blocks; None runs them.
        """
        super().__init__()
        self.blocks = nn.ModuleList(
            _view_block(block, settings, is_modulated=timestep is not None)
            for index, block in enumerate(blocks)
            if index not in settings.dropped_refiner_layers
        )
        self.blend = settings.refiner_blend
        self.rope = rope
        self.timestep = timestep
        self.linear = linear
        self.is_random = settings.refiner_delta == "random"

    def forward(
        self, x: torch.Tensor, attn_mask: torch.Tensor | None, freqs_cis: torch.Tensor
    ) -> torch.Tensor:
        """`x + blend * (refined - x)` of embedded captions `(batch, length, dim)`."""
        if self.linear is not None:
            refined = self.linear(x).to(x.dtype)
        else:
            refined = self._refine(x, attn_mask, freqs_cis)
        if self.is_random:
            refined = x + random_delta(refined - x)
        return torch.lerp(x, refined, self.blend)  # exact at 0 and at 1

    def _refine(
        self, x: torch.Tensor, attn_mask: torch.Tensor | None, freqs_cis: torch.Tensor
    ) -> torch.Tensor:
        if self.rope is not None:
            positions = torch.zeros(x.shape[1], 3, dtype=torch.int32, device=x.device)
            positions[:, 0] = torch.arange(1, x.shape[1] + 1)
            freqs_cis = self.rope(positions).expand(len(x), -1, -1)
        adaln_input = None
        if self.timestep is not None and self.timestep.last is not None:
            adaln_input = self.timestep.last.type_as(x)
        refined = x
        for block in self.blocks:
            refined = block(refined, attn_mask, freqs_cis, adaln_input)
        return refined


def random_delta(delta: torch.Tensor) -> torch.Tensor:
    """Vectors `(batch, length, dim)` of the same lengths in other directions.

    A direction belongs to a position: it is the same for every caption, device and call.
    """
    directions = _directions(delta.shape[1], delta.shape[2]).to(delta.device)
    return (directions * delta.float().norm(dim=-1, keepdim=True)).to(delta.dtype)


@lru_cache(maxsize=8)
def _directions(length: int, dim: int) -> torch.Tensor:
    # a generator a position: one for all would tie the directions to the number of positions
    drawn = [
        torch.randn(dim, generator=torch.Generator("cpu").manual_seed(RANDOM_SEED + position))
        for position in range(length)
    ]
    return nn.functional.normalize(torch.stack(drawn), dim=-1)


class _Nothing(nn.Module):
    """Gives zeros: the last step of a branch that is switched off."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x)


def attach_modulation(transformer: ZImageTransformer2DModel, folder: Path) -> None:
    """Give the refiner's blocks their timestep modulation, which diffusers does not load.

    They don't use it unless a `ContextRefiner` is told to.

    Args:
        transformer: as loaded from `folder`.
        folder: its `context_refiner.<i>.adaLN_modulation.0.{weight,bias}` are of the shapes that
            the other blocks have.

    Raises:
        ValueError: a weight is missing.
    """
    weights = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                if name.startswith("context_refiner.") and ".adaLN_modulation." in name:
                    weights[name] = tensors.get_tensor(name)
    for index, block in enumerate(transformer.context_refiner):
        prefix = f"context_refiner.{index}.adaLN_modulation.0"
        missing = [end for end in ("weight", "bias") if f"{prefix}.{end}" not in weights]
        if missing:
            raise ValueError(f"{folder}: config.json promises {prefix}.{missing[0]}, there is none")
        weight, bias = weights[f"{prefix}.weight"], weights[f"{prefix}.bias"]
        linear = nn.Linear(weight.shape[1], weight.shape[0])
        linear.load_state_dict({"weight": weight, "bias": bias})
        block.adaLN_modulation = nn.Sequential(linear).to(transformer.dtype)


def _view_block(
    block: ZImageTransformerBlock, settings: RefinerSettings, *, is_modulated: bool
) -> ZImageTransformerBlock:
    view = view_module(block)
    view.modulation = is_modulated
    if not settings.refiner_attention:
        view.attention_norm2 = _Nothing()
    if not settings.refiner_feed_forward:
        view.ffn_norm2 = _Nothing()
    return view
