"""Linear maps with a constant from one set of vectors to another, and the R² of predictions.

Unlike in `text.layer_maps`, the length of a vector matters: these are residual streams, not the
outputs of an RMSNorm. Float64 and no random numbers: the same vectors give the same map.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from zimage_eval.statistics.ridge import PENALTIES, solve_ridge


class LinearMap(NamedTuple):
    """`(x - source_mean) / source_scale @ weight + target_mean`, float64."""

    source_mean: torch.Tensor
    """`(num_inputs,)`."""
    source_scale: torch.Tensor
    """`(num_inputs,)` standard deviations, 1 for a channel that is constant."""
    weight: torch.Tensor
    """`(num_inputs, num_outputs)`."""
    target_mean: torch.Tensor
    """`(num_outputs,)`."""

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """Map `(..., num_inputs)` of any float type to `(..., num_outputs)` float64."""
        return self._standardize(vectors) @ self.weight + self.target_mean

    def _standardize(self, vectors: torch.Tensor) -> torch.Tensor:
        return (vectors.double() - self.source_mean) / self.source_scale


def fit_linear(sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> LinearMap:
    """The map of least squared error with a ridge penalty.

    Each penalty is tried on half of the texts: the best one predicts every second text best after
    a fit on the others. The map is then fitted on all texts. A single text gets the middle penalty.

    Args:
        sources: `(num_tokens, num_inputs)` for each text.
        targets: `(num_tokens, num_outputs)` of the same tokens.

    Raises:
        ValueError: there is no text.
    """
    if not sources:
        raise ValueError("a linear map is fitted on one text or more, got none")
    penalty = PENALTIES[len(PENALTIES) // 2]
    if len(sources) > 1:
        half_fits = _fit(sources[::2], targets[::2], PENALTIES)
        inputs, outputs = torch.cat([*sources[1::2]]), torch.cat([*targets[1::2]]).double()
        errors = [float((fit(inputs) - outputs).square().mean()) for fit in half_fits]
        penalty = PENALTIES[errors.index(min(errors))]
    return _fit(sources, targets, [penalty])[0]


def explained_share(predicted: torch.Tensor, targets: torch.Tensor) -> float | None:
    """R²: 1 - squared error / squared deviation from the mean, summed over tokens and channels.

    Args:
        predicted: `(num_tokens, num_outputs)`.
        targets: what was to be predicted, of the same shape.

    Returns:
        1 for a perfect prediction, 0 for one as good as the mean; there is no lower bound. None
        where all targets are equal.
    """
    targets = targets.double()
    total = float((targets - targets.mean(0)).square().sum())
    return 1 - float((predicted.double() - targets).square().sum()) / total if total else None


def _fit(
    sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor], penalties: Sequence[float]
) -> list[LinearMap]:
    """One map a penalty."""
    source, target = torch.cat([*sources]).double(), torch.cat([*targets]).double()
    deviation = source.std(0, correction=0)
    scale = torch.where(deviation > 1e-9, deviation, 1.0)
    standard = (source - source.mean(0)) / scale
    weights = solve_ridge(standard, target - target.mean(0), penalties)
    return [
        LinearMap(
            source_mean=source.mean(0),
            source_scale=scale,
            weight=weight,
            target_mean=target.mean(0),
        )
        for weight in weights
    ]
