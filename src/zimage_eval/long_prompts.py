"""More embeddings than a caption may have -> as many as it may."""

from typing import Literal

import torch
import torch.nn.functional as F


def condense(
    embeds: torch.Tensor, length: int, how: Literal["pool", "interpolate"]
) -> torch.Tensor:
    """`(num_tokens, hidden_size)` of any float type -> `(length, hidden_size)` float32.

    Args:
        embeds: more than `length` vectors.
        length: how many are wanted.
        how: "pool" averages `length` stretches of neighbours, as equal as they can be (they share
            a token where they can't); "interpolate" takes the values at `length` places evenly
            from the first to the last vector, on straight lines between neighbours.
    """
    channels = embeds.float().T[None]
    if how == "pool":
        condensed = F.adaptive_avg_pool1d(channels, length)
    else:
        condensed = F.interpolate(channels, length, mode="linear", align_corners=True)
    return condensed[0].T.contiguous()


def nearest_tokens(num_tokens: int, length: int) -> torch.Tensor:
    """`(length,)` int64: index of a token at or near the place of each condensed vector."""
    places = torch.arange(length, dtype=torch.float64) * (num_tokens - 1) / max(1, length - 1)
    return places.round().long()
