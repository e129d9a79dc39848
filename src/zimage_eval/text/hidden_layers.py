"""Hidden states of the text encoder: running it, and picking or averaging its layers."""

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
    """The hidden states of one forward, `(1, length, hidden_size)` each, padding included.

    They are on the encoder's device.
    """

    by_index: tuple[torch.Tensor, ...]
    """In the order of transformers: the token embedding, then the output of each block; the last
    one is after the final norm."""
    raw_last: torch.Tensor
    """The last block's output before the final norm."""


@torch.no_grad()
def run_encoder(text_encoder: PreTrainedModel, chunk: Chunk) -> HiddenStates:
    """All hidden states of one chunk, from one forward; threads may share the encoder."""
    with _record_input(getattr(text_encoder, "model", text_encoder).norm) as normed:
        states = text_encoder(
            input_ids=chunk.input_ids.to(text_encoder.device),
            attention_mask=chunk.mask.to(text_encoder.device),
            output_hidden_states=True,
        ).hidden_states
    return HiddenStates(states, normed[0])


def select_layer(states: HiddenStates, chunk: Chunk, layer: HiddenLayer) -> torch.Tensor:
    """`(num_kept, hidden_size)` of one layer, or the float32 mean of several, on the CPU.

    Only the tokens that the chunk keeps are returned.

    Raises:
        IndexError: the encoder lacks the layer.
    """
    return pick_layer(states, layer, lambda state: state[0].cpu()[chunk.mask[0]][chunk.kept])


def pick_layer(
    states: HiddenStates,
    layer: HiddenLayer,
    select_tokens: Callable[[torch.Tensor], torch.Tensor] = lambda state: state,
) -> torch.Tensor:
    """One layer, or the float32 mean of several, after `select_tokens` is applied to each.

    For a mean, each vector is first divided by its root mean square: raw layers differ a
    hundredfold in size, so the largest layer would dominate the mean. The transformer's
    `cap_embedder` begins with the same division, so dividing a single layer changes nothing there.

    Raises:
        IndexError: the encoder lacks the layer.
    """
    if isinstance(layer, tuple):
        return torch.stack(
            [unit_rms(pick_layer(states, index, select_tokens)) for index in layer]
        ).mean(0)
    return select_tokens(states.raw_last if layer == "raw_last" else states.by_index[layer])


def unit_rms(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors `(..., hidden_size)` of any float type scaled to a mean square of 1, float32."""
    vectors = vectors.float()
    return vectors / vectors.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-12)


@contextmanager
def _record_input(module: nn.Module) -> Iterator[list[torch.Tensor]]:
    """A list that collects the first argument of each of this thread's forwards of a module."""
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
