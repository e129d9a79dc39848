"""Captions inside the transformer: embedding, padding, token positions, and the context refiner."""

import hashlib
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from zimage_eval.model.folder import padded_length
from zimage_eval.model.module_views import view_module
from zimage_eval.statistics.linear_maps import LinearMap, fit_linear

if TYPE_CHECKING:  # it takes seconds, and batches are planned without it
    from diffusers import ZImageTransformer2DModel

CAPTION_START = (1, 0, 0)
"""Position of a caption's first token; an image starts at another one, behind its caption."""


class EmbeddedCaption(NamedTuple):
    """A caption as the context refiner reads it."""

    vectors: torch.Tensor
    """`(1, padded_length, dim)` in the transformer's dtype."""
    freqs_cis: torch.Tensor
    """`(1, padded_length, head_dim / 2)` complex64, the rotations of its positions."""


class CaptionLayout(NamedTuple):
    """Padding of a caption and positions of its tokens and image; the default is diffusers'."""

    extra_pads: int = 0
    """Number of learned, attended pads beyond those that round a caption's length up."""
    is_rounded: bool = True
    """Whether a caption's length is rounded up to a multiple of 32."""
    image_offset: int = 0
    """Positions on axis 0 by which the image is moved back; below 0 it moves in among the pads."""
    order: torch.Tensor | None = None
    """`(num_tokens,)`: token i takes the position that token `order[i]` has; None keeps them."""


@torch.no_grad()
def embed_caption(
    transformer: "ZImageTransformer2DModel", prompt_embeds: torch.Tensor
) -> EmbeddedCaption:
    """The input that ZImageTransformer2DModel.forward gives its context refiner for one caption.

    Args:
        transformer: on any device.
        prompt_embeds: `(num_tokens, hidden_size)`.
    """
    length = padded_length(len(prompt_embeds))
    device, dtype = transformer.device, transformer.dtype
    vectors = transformer.cap_embedder(prompt_embeds.to(device, dtype))
    pads = transformer.cap_pad_token.expand(length - len(vectors), -1)
    positions = torch.zeros(length, 3, dtype=torch.int32, device=device)
    positions[:, 0] = torch.arange(1, length + 1)
    rotations = transformer.rope_embedder(positions)
    return EmbeddedCaption(torch.cat([vectors, pads])[None], rotations[None])


@torch.no_grad()
def refine(refiner: nn.Module, caption: EmbeddedCaption) -> torch.Tensor:
    """The caption's vectors `(1, padded_length, dim)` after a `ContextRefiner`."""
    refined: torch.Tensor = refiner(caption.vectors, None, caption.freqs_cis)
    return refined


class RefinerFit:
    """Captions to fit a linear map on that replaces the refiner; the map is fitted only once."""

    def __init__(self, captions: Sequence[torch.Tensor]) -> None:
        """Keep the prompt embeddings, `(num_tokens, hidden_size)` float32 each."""
        self.captions = captions
        digest = hashlib.sha256()
        for caption in captions:
            digest.update(str(tuple(caption.shape)).encode())
            digest.update(caption.float().contiguous().numpy().tobytes())
        self.digest = digest.hexdigest()
        """SHA-256 of the embeddings' shapes and values."""
        self._lock = Lock()
        self._map: LinearMap | None = None

    def linear_map(
        self, transformer: "ZImageTransformer2DModel", make_refiner: Callable[[], nn.Module]
    ) -> LinearMap:
        """The map from unrefined to refined tokens, padding included; safe to call from threads.

        Args:
            transformer: embeds the captions.
            make_refiner: makes the refiner that the map imitates; called for the first fit only.
        """
        with self._lock:
            if self._map is None:
                refiner = make_refiner()
                pairs = [
                    (caption.vectors[0], refine(refiner, caption)[0])
                    for caption in (embed_caption(transformer, embeds) for embeds in self.captions)
                ]
                self._map = fit_linear([pair[0] for pair in pairs], [pair[1] for pair in pairs])
            return self._map


def lay_out_captions(
    transformer: "ZImageTransformer2DModel", layout: CaptionLayout
) -> "ZImageTransformer2DModel":
    """A view of the transformer with another layout; bit-identical to it for the default layout.

    The rotary table must be long enough for the positions that the layout adds.
    """
    view = view_module(transformer)
    original_pad_with_ids = transformer._pad_with_ids

    def pad_with_ids(
        feat: torch.Tensor,
        grid: tuple[int, int, int],
        start: tuple[int, int, int],
        device: torch.device,
        noise_mask: int | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int, None]:
        if start != CAPTION_START:  # an image, which stands behind its caption
            shifted = (start[0] + layout.image_offset, *start[1:])
            return original_pad_with_ids(feat, grid, shifted, device, noise_mask)
        num_tokens = len(feat)
        rounded = padded_length(num_tokens) if layout.is_rounded else num_tokens
        length = rounded + layout.extra_pads
        ids = torch.zeros(length, 3, dtype=torch.int32, device=device)
        ids[:, 0] = torch.arange(1, length + 1, dtype=torch.int32, device=device)
        if layout.order is not None:
            ids[:num_tokens] = ids[layout.order.to(device)]
        feat = torch.cat([feat, feat[-1:].expand(length - num_tokens, -1)])
        return feat, ids, torch.arange(length, device=device) >= num_tokens, length, None

    view._pad_with_ids = pad_with_ids
    return view
