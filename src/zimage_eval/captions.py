"""Captions as the transformer takes them in: embedded, padded, on their way into the refiner."""

import hashlib
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from zimage_eval.model_folder import padded_length
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
