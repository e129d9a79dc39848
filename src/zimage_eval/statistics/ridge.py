"""Ridge regression in closed form, for several penalties at once."""

from collections.abc import Sequence
from typing import Final

import torch

PENALTIES: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties that are tried, as shares of the mean square of all inputs together."""


def solve_ridge(
    inputs: torch.Tensor, wanted: torch.Tensor, penalties: Sequence[float]
) -> list[torch.Tensor]:
    """`(inputs' inputs + penalty * num_tokens)^-1 inputs' wanted` for each penalty."""
    values, directions = torch.linalg.eigh(inputs.T @ inputs)
    projected = directions.T @ (inputs.T @ wanted)
    return [
        directions @ (projected / (values.clamp_min(0) + penalty * len(inputs))[:, None])
        for penalty in penalties
    ]
