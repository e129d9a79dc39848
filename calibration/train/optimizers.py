"""The optimizers of both trainings: Muon for the blocks' matrices, AdamW for everything else."""

import torch
from torch import Tensor, nn

from calibration.train.muon import Muon

_MATRICES = (".attention.to_", ".feed_forward.w", ".self_attn.", ".mlp.")
"""Parts of the names of Z-Image's and Qwen3's attention and feed-forward weights."""
_MAX_GRADIENT_NORM = 1.0


class Optimizers:
    """One update of a model at a time; nothing in it waits for the device.

    Args:
        model: Z-Image's transformer or a Qwen3.
        learning_rate: AdamW's, of all but the blocks' matrices.
        matrix_learning_rate: Muon's.
        betas: AdamW's.
    """

    def __init__(
        self,
        model: nn.Module,
        learning_rate: float,
        matrix_learning_rate: float,
        betas: tuple[float, float],
    ) -> None:
        named = list(model.named_parameters())
        self._parameters = [parameter for _, parameter in named]
        device = self._parameters[0].device
        self._peaks = (learning_rate, matrix_learning_rate)
        self._rates = [torch.zeros((), device=device) for _ in self._peaks]
        matrices = [p for name, p in named if p.ndim == 2 and any(m in name for m in _MATRICES)]
        chosen = {id(p) for p in matrices}
        is_cuda = device.type == "cuda"
        self._adam = torch.optim.AdamW(
            [p for p in self._parameters if id(p) not in chosen],
            self._rates[0],
            betas=betas,
            weight_decay=0.01,
            fused=is_cuda,
            capturable=is_cuda,
        )
        self._muon = Muon(matrices, self._rates[1])

    def set_rate(self, share: float) -> None:
        """Both learning rates at this share of their peaks, from the next step on."""
        for rate, peak in zip(self._rates, self._peaks, strict=True):
            rate.fill_(share * peak)

    def step(self, loss: Tensor) -> None:
        """One update against a loss."""
        for parameter in self._parameters:
            parameter.grad = None
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._parameters, _MAX_GRADIENT_NORM)
        self._adam.step()
        self._muon.step()
