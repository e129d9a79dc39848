"""Muon: momentum whose matrices are orthogonalized before they are applied.

Reference: Jordan et al. 2024, https://kellerjordan.github.io/posts/muon. Matrices of one shape are
orthogonalized together, and nothing waits for the device, so that a step can be captured.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import torch
from torch import Tensor

_NEWTON_SCHULZ: Final = (3.4445, -4.7750, 2.0315)
_NUM_ITERATIONS: Final = 5


def orthogonalize(matrices: Tensor) -> Tensor:
    """Matrices `(n, rows, columns)` with their singular values brought near 1, in bf16."""
    a, b, c = _NEWTON_SCHULZ
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.bfloat16()
    x = x.mT if is_tall else x
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_NUM_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if is_tall else x


class Muon:
    """Muon with Nesterov momentum over 2-D parameters.

    Args:
        parameters: weights `(rows, columns)` of hidden layers.
        learning_rate: 0-dimensional tensor, read at every step.
        momentum: of the gradients.
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: Tensor, momentum: float = 0.95
    ) -> None:
        self._learning_rate, self._momentum = learning_rate, momentum
        self._groups: dict[torch.Size, list[Tensor]] = defaultdict(list)
        for parameter in parameters:
            self._groups[parameter.shape].append(parameter)
        self._buffers = {
            shape: torch.zeros(len(group), *shape, device=group[0].device)
            for shape, group in self._groups.items()
        }

    @torch.no_grad()
    def step(self) -> None:
        """Apply the gradients of all parameters."""
        for shape, parameters in self._groups.items():
            gradients = torch.stack([p.grad for p in parameters if p.grad is not None])
            average = self._buffers[shape].lerp_(gradients, 1 - self._momentum)
            update = orthogonalize(gradients.lerp(average, self._momentum)).float()
            update *= -self._learning_rate * max(1.0, shape[0] / shape[1]) ** 0.5
            torch._foreach_add_(parameters, list(update.unbind()))
