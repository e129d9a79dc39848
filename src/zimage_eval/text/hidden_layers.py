"""Which hidden state of the text encoder becomes the caption: one, the raw last, or a mean."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel

from zimage_eval.config.setting_groups import HiddenLayer
from zimage_eval.text.tokens import Chunk


class HiddenStates(NamedTuple):
    """What one forward gives, `(1, length, hidden_size)` each, pads included, on its device."""

    by_index: tuple[torch.Tensor, ...]
    """As transformers counts them: the token embedding, then every block's output; the last one
    after the final norm."""
    raw_last: torch.Tensor
    """The last block's output before the final norm."""


@torch.no_grad()
def run_encoder(text_encoder: PreTrainedModel, chunk: Chunk) -> HiddenStates:
    """Every hidden state of one chunk, in one forward; threads may share the encoder."""
    with _record_input(getattr(text_encoder, "model", text_encoder).norm) as normed:
        states = text_encoder(
            input_ids=chunk.input_ids.to(text_encoder.device),
            attention_mask=chunk.mask.to(text_encoder.device),
            output_hidden_states=True,
        ).hidden_states
    return HiddenStates(states, normed[0])


def select_layer(states: HiddenStates, chunk: Chunk, layer: HiddenLayer) -> torch.Tensor:
    """`(num_kept, hidden_size)` of one layer, or the float32 mean of several, on the CPU.

    Raises:
        IndexError: the encoder lacks the layer.
    """
    return pick_layer(states, layer, lambda state: state[0].cpu()[chunk.mask[0]][chunk.kept])


def pick_layer(
    states: HiddenStates,
    layer: HiddenLayer,
    cut: Callable[[torch.Tensor], torch.Tensor] = lambda state: state,
) -> torch.Tensor:
    """One layer, or the float32 mean of several, of what `cut` leaves of each.

    For a mean, each vector is first divided by its root mean square: raw layers differ a
    hundredfold in size, so the largest would be the mean of all. The transformer's `cap_embedder`
    begins with the same division, so a layer alone and its mean with itself are one to it.

    Raises:
        IndexError: the encoder lacks the layer.
    """
    if isinstance(layer, tuple):
        return torch.stack([unit_rms(pick_layer(states, one, cut)) for one in layer]).mean(0)
    return cut(states.raw_last if layer == "raw_last" else states.by_index[layer])


def unit_rms(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors `(..., hidden_size)` of any float type, each with a mean square of 1, float32."""
    vectors = vectors.float()
    return vectors / vectors.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-12)


@contextmanager
def _record_input(module: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Fill a list with what this thread's forwards of a module take first."""
    inputs: list[torch.Tensor] = []
    thread = get_ident()

    def record(module: nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        if get_ident() == thread:
            inputs.append(args[0])

    handle = module.register_forward_pre_hook(record)
    try:
        yield inputs
    finally:
        handle.remove()
