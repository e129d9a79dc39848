"""Layers as transformers counts them, the last block before its norm, and means of several."""

from pathlib import Path

import pytest
import torch

from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.setting_groups import HiddenLayer
from zimage_eval.model.devices import start_workers
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_layers
from zimage_eval.text.hidden_layers import HiddenStates, run_encoder, select_layer, unit_rms
from zimage_eval.text.tokens import Chunk, tokenize

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")


@pytest.fixture(scope="module")
def side(tiny_folder: Path) -> TextSide:
    return load_text_side(tiny_folder, FLOAT32, torch.device("cpu"))


def states_of(side: TextSide, text: str = "a red circle") -> tuple[HiddenStates, Chunk]:
    settings = make_settings(max_sequence_length=32).encoder
    [chunk] = tokenize(side.tokenizer, text, settings).chunks
    return run_encoder(side.text_encoder, chunk), chunk


@torch.no_grad()
def test_the_raw_last_layer_is_what_the_final_norm_takes(side: TextSide) -> None:
    states = states_of(side)
    raw = select_layer(*states, "raw_last")
    [last_block] = list(side.text_encoder.layers)[-1:]
    assert last_block is side.text_encoder.layers[2]
    assert torch.equal(side.text_encoder.norm(raw), select_layer(*states, -1))
    assert not torch.allclose(raw, select_layer(*states, -1))
    assert not torch.allclose(raw, select_layer(*states, -2))
    assert len(side.text_encoder.norm._forward_pre_hooks) == 0


def test_a_mean_counts_every_layer_alike_whatever_its_size(side: TextSide) -> None:
    states, chunk = states_of(side)
    mean = select_layer(states, chunk, (-2, -3))
    parts = [unit_rms(select_layer(states, chunk, layer)) for layer in (-2, -3)]
    assert torch.allclose(mean, (parts[0] + parts[1]) / 2, atol=1e-6)
    large = tuple(state * 10**index for index, state in enumerate(states.by_index))
    resized = select_layer(states._replace(by_index=large), chunk, (-2, -3))
    assert torch.allclose(resized, mean, atol=1e-5)
    assert torch.allclose(select_layer(states, chunk, (-2, -2)), parts[0], atol=1e-6)


def test_unit_rms_keeps_directions_and_zero() -> None:
    vectors = torch.tensor([[3.0, -4.0], [0.0, 0.0], [3e-4, -4e-4]], dtype=torch.bfloat16)
    found = unit_rms(vectors)
    assert torch.allclose(found[0], torch.tensor([3.0, -4.0]) / 12.5**0.5)
    assert torch.allclose(found[2], found[0], atol=1e-2)
    assert torch.equal(found[1], torch.zeros(2))


def test_layers_of_a_text_come_from_one_forward(
    side: TextSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwards = []
    forward = type(side.text_encoder).forward

    def counted(*args: object, **words: object) -> object:
        forwards.append(1)
        return forward(*args, **words)

    monkeypatch.setattr(type(side.text_encoder), "forward", counted)
    inputs = tokenize(side.tokenizer, "a star", make_settings().encoder)
    layers: list[HiddenLayer] = [-2, "raw_last", (-2, -3), 0]
    entries = encode_layers(side.text_encoder, inputs, layers)
    assert [entry.settings.hidden_layer for entry in entries] == layers
    assert len(forwards) == 1


def test_threads_get_the_raw_last_layer_of_their_own_text(side: TextSide) -> None:
    texts = [f"a {color} circle" for color in ("red", "green", "blue", "yellow")] * 8
    alone = [states_of(side, text)[0].raw_last for text in texts]
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        with start_workers(torch.device("cpu")) as workers:
            together = list(workers.map(lambda text: states_of(side, text)[0].raw_last, texts))
    finally:
        torch.set_num_threads(before)
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)
