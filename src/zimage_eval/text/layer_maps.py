"""Maps from one hidden layer's vectors to another's: is a layer's loss calibration or information?

A transformer that was trained on layer -2 can do badly on another layer because that layer carries
less, or because it says the same in other coordinates. A map that moves and stretches channels, or
one that is linear, undoes the second and can't undo the first.

Both are fitted between vectors of unit root mean square, the only thing about a vector that reaches
the transformer (`cap_embedder` begins with an RMSNorm): so no token counts by its size, and the
sink token, a hundred times larger than the others, does not decide the fit. All tokens count,
those of the chat format too, because the transformer attends to all of them.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch

from zimage_eval.config.params import Phase
from zimage_eval.statistics.ridge import PENALTIES, solve_ridge
from zimage_eval.text.hidden_layers import unit_rms


class LayerMap(NamedTuple):
    """`(unit_rms(x) - source_mean) / source_scale @ weight * target_scale + target_mean`."""

    source_mean: torch.Tensor
    """Float64 like the others, `(hidden_size,)`."""
    source_scale: torch.Tensor
    """Standard deviation, 1 for a channel that is constant."""
    target_mean: torch.Tensor
    target_scale: torch.Tensor
    weight: torch.Tensor | None
    """`(hidden_size, hidden_size)`; None for the identity."""

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """`(num_tokens, hidden_size)` of any float type -> the same shape, float32."""
        standard = self.standardize(vectors)
        if self.weight is not None:
            standard = standard @ self.weight
        return (standard * self.target_scale + self.target_mean).float()

    def standardize(self, vectors: torch.Tensor) -> torch.Tensor:
        """Source vectors with mean 0 and deviation 1 in each channel."""
        return (unit_rms(vectors).double() - self.source_mean) / self.source_scale


def fit_moments(sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> LayerMap:
    """The map that gives each channel the target's mean and standard deviation over all tokens.

    Args:
        sources: `(num_tokens, hidden_size)` a text.
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

    The penalty is the one that predicts every second text best when the others alone are fitted;
    it is then fitted on all. Float64 and no random numbers: the same texts give the same map.
    """
    penalty = PENALTIES[len(PENALTIES) // 2]
    if len(sources) > 1:
        errors = _errors(sources[::2], targets[::2], sources[1::2], targets[1::2])
        penalty = PENALTIES[int(errors.argmin())]
    moments = fit_moments(sources, targets)
    return moments._replace(
        weight=solve_ridge(*_standard_pairs(moments, sources, targets), [penalty])[0]
    )


def _errors(
    sources: Sequence[torch.Tensor],
    targets: Sequence[torch.Tensor],
    other_sources: Sequence[torch.Tensor],
    other_targets: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Mean squared error on other texts for each penalty, in standardized channels."""
    moments = fit_moments(sources, targets)
    inputs, wanted = _standard_pairs(moments, other_sources, other_targets)
    weights = solve_ridge(*_standard_pairs(moments, sources, targets), PENALTIES)
    return torch.stack([(inputs @ weight - wanted).square().mean() for weight in weights])


def _standard_pairs(
    moments: LayerMap, sources: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    deviation = torch.where(moments.target_scale > 1e-9, moments.target_scale, 1.0)
    wanted = (unit_rms(torch.cat([*targets])).double() - moments.target_mean) / deviation
    return moments.standardize(torch.cat([*sources])), wanted


PhaseTexts = Mapping[Phase, Sequence[str]]
"""The prompts of each phase; no text stands in two."""


def fit_phase(text: str, texts: PhaseTexts) -> Phase:
    """The phase whose prompts make the map for a text.

    The confirmed prompts make it for the screened ones, the screened prompts for everything else.
    """
    return "confirm" if text in texts["screen"] else "screen"
