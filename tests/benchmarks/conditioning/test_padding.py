"""Pads of the text encoder: hidden by the mask, whichever side they stand on."""

from pathlib import Path

import pytest
import torch

from zimage_eval.benchmarks.conditioning.padding import (
    add_floors,
    compare_embeds,
    encode_padded,
    largest_token_change,
    measure_placements,
)
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.output.observations import Measurement, largest_rows
from zimage_eval.text.encoder import TextSide, load_text_side

DTYPE = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")


@pytest.fixture(scope="module")
def text_side(tiny_folder: Path) -> TextSide:
    return load_text_side(tiny_folder, DTYPE, torch.device("cpu"))


@pytest.fixture(scope="module")
def token_ids(text_side: TextSide) -> list[torch.Tensor]:
    texts = ("a small red circle on a white background", "a star")
    return [torch.tensor(text_side.tokenizer(text).input_ids) for text in texts]


def test_without_pads_it_is_the_encoders_own_layer(
    text_side: TextSide, token_ids: list[torch.Tensor]
) -> None:
    [found] = encode_padded(text_side.text_encoder, token_ids[:1], 0, 99, "none")
    with torch.no_grad():
        own = text_side.text_encoder(input_ids=token_ids[0][None], output_hidden_states=True)
    assert torch.equal(found, own.hidden_states[-2][0])


def test_placements_differ_by_rounding_alone(
    text_side: TextSide, token_ids: list[torch.Tensor]
) -> None:
    pad = text_side.tokenizer.pad_token_id
    unpadded, rows = measure_placements(text_side.text_encoder.double(), token_ids, pad, 24)
    text_side.text_encoder.float()
    assert [len(one) for one in unpadded] == [len(ids) for ids in token_ids]
    for exact in ("right", "left_own_positions", "batch_right"):
        assert (rows[exact]["largest_change"] or 0) < 1e-12
    # Angles are float32 even there, and other positions have others.
    assert 0 < (rows["left"]["largest_change"] or 0) < 1e-5
    assert (rows["batch_left"]["change_from_alone"] or 0) < 1e-12


def test_a_pad_that_is_not_hidden_would_be_seen(
    text_side: TextSide, token_ids: list[torch.Tensor]
) -> None:
    encoder, pad = text_side.text_encoder, text_side.tokenizer.pad_token_id
    [own] = encode_padded(encoder, token_ids[:1], pad, 24, "none")
    pads = torch.cat([torch.full((5,), pad), token_ids[0]])
    [seen] = encode_padded(encoder, [pads], pad, 24, "none")
    assert largest_token_change(seen[5:], own) > 1e-3


def test_changes_are_of_the_worst_token() -> None:
    reference = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    changed = torch.tensor([[3.0, 4.5], [0.0, 1.0]])
    assert largest_token_change(changed, reference) == pytest.approx(0.1)
    found = compare_embeds([changed, reference], [reference, reference])
    assert found == {"equal": 0.5, "largest_change": pytest.approx(0.1)}


def test_floors_are_changes_from_the_first_format() -> None:
    one, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.25]])
    rows = add_floors({"x": {}}, {"float64": [one], "bfloat16": [other]})
    assert rows == {"x": {}, "dtype=bfloat16,placement=none": {"change_from_first_dtype": 0.25}}


def test_means_are_over_units() -> None:
    rows = largest_rows([Measurement("v", str(n), 0, "c", "m", float(n)) for n in (1, 2, 6)])
    assert rows == {"v": {"m": 3.0, "m_largest": 6.0, "num_units": 3}}
