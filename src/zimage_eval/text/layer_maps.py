"""Maps from the vectors of one hidden layer to those of another.

A transformer that was trained on layer -2 can do badly on another layer for two reasons: that layer
carries less information, or it carries the same in other coordinates. A map that shifts and
stretches channels, or a linear map, corrects the second but not the first, so it tells them apart.

Both maps are fitted between vectors scaled to a root mean square of 1, because the transformer does
not see the original length (`cap_embedder` begins with an RMSNorm). So a token's length gives it no
weight, and the sink token, a hundred times larger than the others, does not decide the fit. All
tokens count, those of the chat format too, because the transformer attends to all of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from zimage_eval.statistics.ridge import PENALTIES, solve_ridge
from zimage_eval.text.hidden_layers import unit_rms


class LayerMap(NamedTuple):
    """`(unit_rms(x) - source_mean) / source_scale @ weight * target_scale + target_mean`."""

    source_mean: torch.Tensor
    """`(hidden_size,)` float64, as the next three."""
    source_scale: torch.Tensor
    """Standard deviations, 1 for a channel that is constant."""
    target_mean: torch.Tensor
    target_scale: torch.Tensor
    weight: torch.Tensor | None
    """`(hidden_size, hidden_size)`; None for the identity."""

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """Map `(num_tokens, hidden_size)` of any float type to the same shape in float32."""
        standard = self.standardize(vectors)
        if self.weight is not None:
            standard = standard @ self.weight
        return (standard * self.target_scale + self.target_mean).float()

    def standardize(self, vectors: torch.Tensor) -> torch.Tensor:
        """Source vectors shifted and scaled to mean 0 and deviation 1 in each channel, float64."""
        return (unit_rms(vectors).double() - self.source_mean) / self.source_scale


def fit_moments(sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> LayerMap:
    """The map that gives each channel the mean and standard deviation of the target layer.

    Args:
        sources: `(num_tokens, hidden_size)` for each text.
        targets: the same tokens in the other layer.
    """
    source, target = unit_rms(torch.cat([*sources])), unit_rms(torch.cat([*targets]))
    source, target = source.double(), target.double()
    deviation = source.std(0, correction=0)
    return LayerMap(
        source_mean=source.mean(0),
        source_scale=torch.where(deviation > 1e-9, deviation, 1.0),
        target_mean=target.mean(0),
        target_scale=target.std(0, correction=0),
        weight=None,
    )


def fit_linear_map(sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> LayerMap:
    """The linear map of least squared error between standardized channels, with a ridge penalty.

    Each penalty is tried on half of the texts: the best one predicts every second text best after
    a fit on the others. The map is then fitted on all texts. Float64 and no random numbers: the
    same texts give the same map. Arguments as for `fit_moments`.
    """
    penalty = PENALTIES[len(PENALTIES) // 2]
    if len(sources) > 1:
        errors = _errors(sources[::2], targets[::2], sources[1::2], targets[1::2])
        penalty = PENALTIES[int(errors.argmin())]
    channel_map = fit_moments(sources, targets)
    return channel_map._replace(
        weight=solve_ridge(*_standard_pairs(channel_map, sources, targets), [penalty])[0]
    )


def _errors(
    sources: Sequence[torch.Tensor],
    targets: Sequence[torch.Tensor],
    held_out_sources: Sequence[torch.Tensor],
    held_out_targets: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Mean squared error on held-out texts for each penalty, in standardized channels."""
    channel_map = fit_moments(sources, targets)
    inputs, outputs = _standard_pairs(channel_map, held_out_sources, held_out_targets)
    weights = solve_ridge(*_standard_pairs(channel_map, sources, targets), PENALTIES)
    return torch.stack([(inputs @ weight - outputs).square().mean() for weight in weights])


def _standard_pairs(
    channel_map: LayerMap, sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Standardized inputs and outputs of a regression, `(num_tokens, hidden_size)` float64."""
    deviation = torch.where(channel_map.target_scale > 1e-9, channel_map.target_scale, 1.0)
    outputs = (unit_rms(torch.cat([*targets])).double() - channel_map.target_mean) / deviation
    return channel_map.standardize(torch.cat([*sources])), outputs
