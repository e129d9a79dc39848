"""The embedding table gives back what was put in, bit for bit, and its bytes are the same."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from tests.support.projects.default_settings import make_settings
from zimage_eval.text.embeddings import TextEmbeddings, read_embeddings, write_embeddings


def entry(text: str, layer: int, length: int, dtype: torch.dtype) -> TextEmbeddings:
    generator = torch.Generator().manual_seed(layer * 100 + length)
    embeds = torch.randn((length, 5), generator=generator) * 1000
    return TextEmbeddings(
        text=text,
        settings=make_settings(hidden_layer=layer, max_sequence_length=64).encoder,
        token_ids=torch.arange(length) + 151_000,
        tokens=[f"Ġ{index}" for index in range(length)],
        prompt_embeds=embeds.to(dtype),
    )


def entries(dtype: torch.dtype = torch.float32) -> list[TextEmbeddings]:
    return [
        entry("b", -2, 3, dtype),
        entry("", -2, 8, dtype),
        entry("b", -1, 3, dtype),
        entry("一只猫", 7, 1, dtype),
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_round_trip_is_lossless(tmp_path: Path, dtype: torch.dtype) -> None:
    path = tmp_path / "embeddings.parquet"
    write_embeddings(path, entries(dtype))
    found = read_embeddings(path)
    assert set(found) == {(entry.text, entry.settings) for entry in entries()}
    for wanted in entries(dtype):
        embeds = found[wanted.text, wanted.settings]
        assert embeds.dtype == torch.float32
        assert torch.equal(embeds.to(dtype), wanted.prompt_embeds)


def test_rows_say_position_token_and_id(tmp_path: Path) -> None:
    path = tmp_path / "embeddings.parquet"
    write_embeddings(path, entries())
    rows = [row for row in pq.read_table(path).to_pylist() if row["hidden_layer"] == "-1"]
    assert [row["position"] for row in rows] == [0, 1, 2]
    assert [row["token"] for row in rows] == ["Ġ0", "Ġ1", "Ġ2"]
    assert [row["token_id"] for row in rows] == [151_000, 151_001, 151_002]
    encoder = make_settings(hidden_layer=-1, max_sequence_length=64).encoder
    assert {(row["text"], row["encoder"]) for row in rows} == {("b", encoder.canonical())}


def test_bytes_do_not_depend_on_order_and_floats_are_split(tmp_path: Path) -> None:
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    write_embeddings(one, entries())
    write_embeddings(other, entries()[::-1])
    assert one.read_bytes() == other.read_bytes()
    metadata = pq.ParquetFile(one).metadata.row_group(0)
    vector = metadata.column(metadata.num_columns - 1)
    assert vector.path_in_schema.startswith("vector")
    assert "BYTE_STREAM_SPLIT" in vector.encodings
    assert vector.compression == "ZSTD"


def test_same_text_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two rows"):
        write_embeddings(tmp_path / "x.parquet", [*entries(), entries()[0]])


def test_missing_or_other_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing\.parquet: no such table"):
        read_embeddings(tmp_path / "nothing.parquet")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(ValueError, match=r"text\.parquet: no whole table"):
        read_embeddings(tmp_path / "text.parquet")
