"""Ridge regression in closed form, for several penalties at once."""

from collections.abc import Sequence
from typing import Final

import torch

PENALTIES: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties that callers try, as shares of the mean square of all inputs together."""


def solve_ridge(
    inputs: torch.Tensor, targets: torch.Tensor, penalties: Sequence[float]
) -> list[torch.Tensor]:
    """Weights `(num_inputs, num_outputs)` of the ridge regression for each penalty.

    `(inputs' inputs + penalty * num_tokens)^-1 inputs' targets`.

    Args:
        inputs: `(num_tokens, num_inputs)`; no constant is fitted, so center them first.
        targets: `(num_tokens, num_outputs)`, centered as well.
        penalties: for standardized inputs, shares of their mean square.
    """
    values, directions = torch.linalg.eigh(inputs.T @ inputs)
    projected = directions.T @ (inputs.T @ targets)
    return [
        directions @ (projected / (values.clamp_min(0) + penalty * len(inputs))[:, None])
        for penalty in penalties
    ]
