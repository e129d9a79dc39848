"""The transformer's context refiner with changed settings: dropped, scaled, replaced, modulated.

The context refiner is the few blocks in which a caption's tokens attend to each other before they
are joined with the image.
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
"""Seed of the directions in which `refiner_delta: random` moves tokens."""


class RecordedTimestep(nn.Module):
    """A transformer's `t_embedder` that keeps its last output for the refiner, which gets none."""

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
    """A replacement for all blocks of a transformer's context refiner."""

    def __init__(
        self,
        blocks: nn.ModuleList,
        settings: RefinerSettings,
        rope: RopeEmbedder | None,
        timestep: RecordedTimestep | None,
        linear: LinearMap | None,
    ) -> None:
        """Share the weights of `blocks`, which are not changed.

        Args:
            blocks: the transformer's `context_refiner`.
            settings: with neutral settings the output is bit-identical to that of `blocks`.
            rope: rotary embedding of the caption's positions; None takes the transformer's.
            timestep: modulates the blocks; None runs them without modulation, as diffusers does.
            linear: map from unrefined to refined tokens that replaces the blocks; None runs them.
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
        """`x + blend * (refined - x)` for embedded captions x, `(batch, length, dim)`."""
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
    """Vectors `(batch, length, dim)` with the norms of `delta` and random directions.

    Each position has its own direction, the same for every caption, device and call.
    """
    directions = _directions(delta.shape[1], delta.shape[2]).to(delta.device)
    return (directions * delta.float().norm(dim=-1, keepdim=True)).to(delta.dtype)


@lru_cache(maxsize=8)
def _directions(length: int, dim: int) -> torch.Tensor:
    # A generator for each position: with a single one, directions would depend on the length.
    vectors = [
        torch.randn(dim, generator=torch.Generator("cpu").manual_seed(RANDOM_SEED + position))
        for position in range(length)
    ]
    return nn.functional.normalize(torch.stack(vectors), dim=-1)


class _Zeros(nn.Module):
    """Returns zeros: the last step of a branch that is switched off."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x)


def attach_modulation(transformer: ZImageTransformer2DModel, folder: Path) -> None:
    """Load the timestep modulation of the refiner's blocks, which diffusers does not load.

    The blocks don't use it unless a `ContextRefiner` switches it on.

    Args:
        transformer: as loaded from `folder`; its blocks get the weights.
        folder: holds `context_refiner.<i>.adaLN_modulation.0.{weight,bias}` in the shapes of the
            other blocks' modulation.

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
            raise ValueError(f"{folder}: config.json needs {prefix}.{missing[0]}, there is none")
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
        view.attention_norm2 = _Zeros()
    if not settings.refiner_feed_forward:
        view.ffn_norm2 = _Zeros()
    return view
