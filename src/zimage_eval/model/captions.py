"""Captions as the transformer takes them in: embedded, padded, and where each token stands."""

import hashlib
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import torch
from diffusers import ZImageTransformer2DModel
from torch import nn

from zimage_eval.model.folder import padded_length
from zimage_eval.model.module_views import view_module
from zimage_eval.statistics.linear_maps import LinearMap, fit_linear

if TYPE_CHECKING:  # it takes seconds, and batches are planned without it
    from diffusers import ZImageTransformer2DModel


class EmbeddedCaption(NamedTuple):
    """A caption that meets the context refiner next."""

    vectors: torch.Tensor
    """`(1, padded_length, dim)` in the transformer's dtype."""
    freqs_cis: torch.Tensor
    """`(1, padded_length, channels / 2)` complex64, the rotations of its positions."""


@torch.no_grad()
def embed_caption(
    transformer: "ZImageTransformer2DModel", prompt_embeds: torch.Tensor
) -> EmbeddedCaption:
    """What ZImageTransformer2DModel.forward hands to its context refiner for one caption.

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
    """The same caption `(1, padded_length, dim)` after a `ContextRefiner`."""
    refined: torch.Tensor = refiner(caption.vectors, None, caption.freqs_cis)
    return refined


class RefinerFit:
    """The captions that a linear map in the refiner's place is fitted on; the map is made once."""

    def __init__(self, captions: Sequence[torch.Tensor]) -> None:
        """Keep `(num_tokens, hidden_size)` float32 each."""
        self.captions = captions
        digest = hashlib.sha256()
        for caption in captions:
            digest.update(str(tuple(caption.shape)).encode())
            digest.update(caption.float().contiguous().numpy().tobytes())
        self.digest = digest.hexdigest()
        """SHA-256 of shapes and values."""
        self._lock = Lock()
        self._map: LinearMap | None = None

    def linear_map(
        self, transformer: "ZImageTransformer2DModel", make_refiner: Callable[[], nn.Module]
    ) -> LinearMap:
        """From unrefined to refined tokens, padding included; threads may ask for it at once."""
        with self._lock:
            if self._map is None:
                refiner = make_refiner()
                pairs = [
                    (caption.vectors[0], refine(refiner, caption)[0])
                    for caption in (embed_caption(transformer, one) for one in self.captions)
                ]
                self._map = fit_linear([pair[0] for pair in pairs], [pair[1] for pair in pairs])
            return self._map


CAPTION_START = (1, 0, 0)
"""Position of a caption's first token, by which diffusers' code tells it from an image."""


class CaptionLayout(NamedTuple):
    """A layout; the default is diffusers' own."""

    extra_pads: int = 0
    """Learned, attended pads beyond those that round a caption up."""
    is_rounded: bool = True
    """Whether a caption is rounded up to a multiple of 32 at all."""
    image_offset: int = 0
    """Positions on axis 0 that the image stands behind its own place; below 0, among the pads."""
    order: torch.Tensor | None = None
    """`(num_tokens,)`: token i takes the position that token `order[i]` has; None keeps them."""


def lay_out_captions(
    transformer: ZImageTransformer2DModel, layout: CaptionLayout
) -> ZImageTransformer2DModel:
    """A view with another layout; bit-identical to the transformer for the default one.

    The table of positions must hold what the layout adds.
    """
    view = view_module(transformer)
    own = transformer._pad_with_ids

    def pad_with_ids(
        feat: torch.Tensor,
        grid: tuple[int, int, int],
        start: tuple[int, int, int],
        device: torch.device,
        noise_mask: int | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int, None]:
        if start != CAPTION_START:  # an image, which begins behind its caption
            shifted = (start[0] + layout.image_offset, *start[1:])
            return own(feat, grid, shifted, device, noise_mask)
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
