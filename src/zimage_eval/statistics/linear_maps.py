"""Linear maps with a constant between two sets of vectors, and how much of the target they explain.

Unlike `layer_maps`, the size of a vector counts: these are residual streams, not what an RMSNorm
makes of them. Float64 and no random numbers: the same vectors give the same map.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from zimage_eval.statistics.ridge import PENALTIES, solve_ridge


class LinearMap(NamedTuple):
    """`(x - source_mean) / source_scale @ weight + target_mean`, float64."""

    source_mean: torch.Tensor
    """`(num_inputs,)`, as the next."""
    source_scale: torch.Tensor
    """Standard deviation, 1 for a channel that is constant."""
    weight: torch.Tensor
    """`(num_inputs, num_outputs)`."""
    target_mean: torch.Tensor
    """`(num_outputs,)`."""

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """`(..., num_inputs)` of any float type -> `(..., num_outputs)` float64."""
        return self._standardize(vectors) @ self.weight + self.target_mean

    def _standardize(self, vectors: torch.Tensor) -> torch.Tensor:
        return (vectors.double() - self.source_mean) / self.source_scale


def fit_linear(sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> LinearMap:
    """The map of least squared error with a ridge penalty.

    The penalty is the one that predicts every second text best when the others alone are fitted;
    it is then fitted on all. For a single text it is the middle one.

    Args:
        sources: `(num_tokens, num_inputs)` a text.
        targets: `(num_tokens, num_outputs)` of the same tokens.

    Raises:
        ValueError: there is no text.
    """
    if not sources:
        raise ValueError("a linear map is fitted on one text or more, got none")
    penalty = PENALTIES[len(PENALTIES) // 2]
    if len(sources) > 1:
        halves = _fit(sources[::2], targets[::2], PENALTIES)
        held_out, wanted = torch.cat([*sources[1::2]]), torch.cat([*targets[1::2]]).double()
        errors = [float((one(held_out) - wanted).square().mean()) for one in halves]
        penalty = PENALTIES[errors.index(min(errors))]
    return _fit(sources, targets, [penalty])[0]


def explained_share(predicted: torch.Tensor, wanted: torch.Tensor) -> float | None:
    """R²: 1 - squared error / squared deviation from the mean, summed over tokens and channels.

    1 is a perfect prediction, 0 one as good as the mean, and there is no lower bound. None where
    all wanted vectors are equal.
    """
    wanted = wanted.double()
    total = float((wanted - wanted.mean(0)).square().sum())
    return 1 - float((predicted.double() - wanted).square().sum()) / total if total else None


def _fit(
    sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor], penalties: Sequence[float]
) -> list[LinearMap]:
    source, target = torch.cat([*sources]).double(), torch.cat([*targets]).double()
    deviation = source.std(0, correction=0)
    scale = torch.where(deviation > 1e-9, deviation, 1.0)
    standard = (source - source.mean(0)) / scale
    weights = solve_ridge(standard, target - target.mean(0), penalties)
    return [LinearMap(source.mean(0), scale, weight, target.mean(0)) for weight in weights]
