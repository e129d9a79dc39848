"""Where the tokens of a caption stand in the transformer, and how many learned pads follow them."""

from typing import NamedTuple

import torch
from diffusers import ZImageTransformer2DModel

from zimage_eval.model_folder import padded_length
from zimage_eval.module_views import view_module

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
