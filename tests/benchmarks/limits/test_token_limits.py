"""The limit of a table, found by trying, against arithmetic."""

import sys
from pathlib import Path

import pytest
import torch
from diffusers import ZImageTransformer2DModel

from tests.support.projects.default_settings import make_settings
from zimage_eval.benchmarks.limits.length_probe import (
    ProbeSize,
    find_positions,
    fits,
    fits_in_own_process,
    run_probe,
    with_table_length,
)
from zimage_eval.benchmarks.limits.token_limits import (
    find_limit,
    limit_checks,
    measure_lengths,
    measure_limits,
)
from zimage_eval.benchmarks.limits.truncation import measure_truncation
from zimage_eval.config.benchmarks import TokenLimitParams
from zimage_eval.model.folder import max_caption_tokens
from zimage_eval.text.encoder import load_text_side

SMALL = TokenLimitParams.model_validate(
    {
        "lengths": [32, 64, 65],
        "table_length": 256,
        "equal_lengths": [1, 33, 64],
        "long_lengths": [65, 200],
        "autoencoder_factors": [8],
    }
)


@pytest.fixture(scope="module")
def transformer(tiny_folder: Path) -> ZImageTransformer2DModel:
    return ZImageTransformer2DModel.from_pretrained(tiny_folder, subfolder="transformer")


@pytest.mark.parametrize("limit", [1, 2, 63, 64, 99])
def test_bisection_finds_every_limit(limit: int) -> None:
    for guess in (1, 50, limit):
        assert find_limit(lambda number: number <= limit, 100, guess) == limit


def test_bisection_refuses_what_has_no_limit() -> None:
    with pytest.raises(ValueError, match="no limit between 1, which must fit, and 100"):
        find_limit(lambda number: True, 100, 7)
    with pytest.raises(ValueError, match="no limit"):
        find_limit(lambda number: False, 100, 7)


def test_1504_fits_a_table_of_1536_rows_and_1505_does_not(
    transformer: ZImageTransformer2DModel,
) -> None:
    assert fits(transformer, ProbeSize(1504))
    assert not fits(transformer, ProbeSize(1505))
    assert fits(transformer, ProbeSize(1505, table_length=1538))
    assert not fits(transformer, ProbeSize(1505, table_length=1537))
    assert find_positions(transformer, 1505) == (1, 1536, 1537)
    assert find_positions(transformer, 1504) == (1, 1504, 1505)


@pytest.mark.parametrize("table", [66, 97, 98, 99])
def test_the_limit_by_trying_is_the_limit_by_arithmetic(
    transformer: ZImageTransformer2DModel, table: int
) -> None:
    found = find_limit(lambda n: fits(transformer, ProbeSize(n, table_length=table)), table + 1, 1)
    assert found == max_caption_tokens(make_settings(table_length=table).rope)


def test_an_image_ends_where_its_table_does(transformer: ZImageTransformer2DModel) -> None:
    assert fits(transformer, ProbeSize(1, rows=512))
    assert not fits(transformer, ProbeSize(1, rows=513))
    assert not fits(transformer, ProbeSize(1, columns=513))


def test_rows_and_checks_of_a_small_table(transformer: ZImageTransformer2DModel) -> None:
    small = with_table_length(transformer, 98)
    small.rope_embedder.axes_lens[1:] = [8, 9]
    rows = measure_lengths(small, lambda size: fits(small, size), SMALL)
    assert rows["table=98,tokens=64"]["fits"] == 1
    assert rows["table=98,tokens=65"]["fits"] == 1
    assert rows["table=98,tokens=33"] == {"equal_on_enlarged_table": 1}
    rope = make_settings(table_length=98).rope
    rows |= measure_limits(small, lambda size: fits(small, size), SMALL, 4, rope, 8)
    assert rows["caption"]["limit_tokens"] == 96
    assert rows["caption"]["limit_prompt_tokens"] == 88
    assert rows["image"]["limit_pixels"] == 8 * 2 * 4
    assert rows["autoencoder_factor=8"] == {"limit_pixels": 8 * 2 * 8}
    assert set(limit_checks(rows, SMALL).values()) == {1.0}
    rows["caption"]["limit_tokens"] = 95
    rows["table=98,tokens=64"]["fits"] = 0
    checks = limit_checks(rows, SMALL)
    assert checks["caption_limit_is_what_table_says"] == 0
    assert checks["fits_exactly_if_image_position_is_in_table"] == 0


def test_the_same_size_gives_the_same_velocity(transformer: ZImageTransformer2DModel) -> None:
    assert torch.equal(*(run_probe(transformer, ProbeSize(5)) for _ in range(2)))


def test_a_probe_that_dies_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(RuntimeError, match="num_tokens=5"):
        fits_in_own_process(tmp_path, torch.device("cpu"), ProbeSize(5))


def test_a_process_of_its_own_answers_the_same(tiny_folder: Path) -> None:
    folder, device = tiny_folder / "transformer", torch.device("cpu")
    assert fits_in_own_process(folder, device, ProbeSize(64, table_length=66))
    assert not fits_in_own_process(folder, device, ProbeSize(65, table_length=66))


def test_a_prompt_that_is_cut_loses_the_end_of_its_chat(tiny_folder: Path) -> None:
    from zimage_eval.config.model_spec import DtypeSettings

    dtype = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
    text_side = load_text_side(tiny_folder, dtype, torch.device("cpu"))
    settings = make_settings(max_sequence_length=32).encoder
    row = measure_truncation(text_side, ["a red circle", "a blue star"], settings)
    assert row["tokens_kept"] == 32
    assert row["prompt_tokens"] == 32 + (row["tokens_dropped"] or 0) > 64
    assert row["closing_kept"] == 0
    assert row["warnings"] == 0
