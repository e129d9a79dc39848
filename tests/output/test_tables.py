"""Parquet tables: what does not fit a schema is refused, bytes depend on the content alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.config.metrics import METRICS
from zimage_eval.metrics.scores import read_encodings
from zimage_eval.output.tables import (
    IMAGES,
    PROMPTS,
    TableSchema,
    embeddings_schema,
    means_by_prompt,
    numbers_of,
    read_list_size,
    read_table,
    scores_schema,
    variant_scores,
    write_table,
)
from zimage_eval.statistics.estimates import prompt_means
from zimage_eval.text.embeddings import read_embeddings

SCORES = scores_schema({name: METRICS[name] for name in ("psnr", "lpips")})


def scores(**columns: list[object]) -> pa.Table:
    values: dict[str, list[object]] = {
        "variant": ["a", "a", "b"],
        "phase": ["screen"] * 3,
        "prompt_id": ["x", "y", "x"],
        "category": ["object"] * 3,
        "seed": [1, 2, 1],
        "error": [None, None, "out of memory"],
        "psnr": [30.25, 1e-7, None],
        "lpips": [0.1, 0.2, None],
    }
    return pa.Table.from_pydict(values | columns, schema=SCORES.columns.remove_metadata())


def test_a_table_comes_back_as_it_was(tmp_path: Path) -> None:
    write_table(tmp_path / "new" / "scores.parquet", SCORES, scores())
    table = read_table(tmp_path / "new" / "scores.parquet", SCORES)
    assert table.equals(scores())
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["scores.parquet"]


def test_vectors_are_exact_and_byte_split(tmp_path: Path) -> None:
    schema = embeddings_schema(3)
    vectors = pa.array([0.1, 1e-30, -3.4e38, 1, 2, 3], pa.float32())
    table = pa.table(
        {
            "text": ["a", "a"],
            "encoder": ["{}", "{}"],
            "hidden_layer": ["-2", "-2"],
            "position": pa.array([0, 1], pa.int32()),
            "token_id": pa.array([7, 8], pa.int32()),
            "token": ["<", ">"],
            "vector": pa.FixedSizeListArray.from_arrays(vectors, 3),
        }
    )
    path = tmp_path / "embeddings.parquet"
    write_table(path, schema, table)
    back = read_table(path, schema)["vector"].combine_chunks().flatten()
    assert back.equals(vectors)
    column = pq.ParquetFile(path).metadata.row_group(0).column(6)
    assert column.path_in_schema == "vector.list.element"
    assert "BYTE_STREAM_SPLIT" in column.encodings
    assert column.compression == "ZSTD"


def test_bytes_depend_on_the_content_alone(tmp_path: Path) -> None:
    write_table(tmp_path / "a", SCORES, scores())
    chunked = pa.concat_tables([scores().slice(0, 1), scores().slice(1)])
    write_table(tmp_path / "b", SCORES, chunked.replace_schema_metadata({"made": "elsewhere"}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_lists_may_be_empty_or_null_where_allowed(tmp_path: Path) -> None:
    rows = [
        {
            "variant": "a",
            "phase": "screen",
            "prompt_id": "x",
            "seed": seed,
            "file": None,
            "num_forwards": None,
            "sigmas": sigmas,
            "batch_size": None,
            "pixels": None,
            "error": "not available: hidden_layer -9",
        }
        for seed, sigmas in enumerate([None, [], [1.0, 0.5]])
    ]
    table = pa.Table.from_pylist(rows, schema=IMAGES.columns)
    write_table(tmp_path / "images.parquet", IMAGES, table)
    assert read_table(tmp_path / "images.parquet", IMAGES).to_pylist() == rows


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (scores().drop(["psnr"]), r"columns are \["),
        (scores().append_column("extra", [[1, 2, 3]]), r"columns are \["),
        (scores().rename_columns([*SCORES.columns.names[:-1], "Lpips"]), r"columns are \["),
        (scores().set_column(4, "seed", [["1", "2", "1"]]), "column seed is string, not int64"),
        (
            scores().set_column(3, "category", [["object", None, "count"]]),
            "column category holds 1 nulls",
        ),
        (
            scores(prompt_id=["x", "x", "x"], seed=[1, 1, 1]),
            "two rows have the key {'variant': 'a'",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, table: pa.Table, message: str) -> None:
    path = tmp_path / "scores.parquet"
    with pytest.raises(ValueError, match=message):
        write_table(path, SCORES, table)
    assert not path.exists()
    pq.write_table(table, path)
    with pytest.raises(ValueError, match=message):
        read_table(path, SCORES)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.parquet: no such table"):
        read_table(tmp_path / "none.parquet", SCORES)
    path = tmp_path / "broken.parquet"
    write_table(path, SCORES, scores())
    whole = path.read_bytes()
    overwritten = bytearray(whole)
    overwritten[10:300] = bytes(290)
    footer = bytearray(whole)
    footer[-60:-20] = b"\xff" * 40
    for data in (b"", b"PAR1", b"PAR1PAR1", whole[: len(whole) // 2], overwritten, footer, b"{}"):
        path.write_bytes(bytes(data))
        with pytest.raises(ValueError, match=rf"^{path}: no whole table: .+") as caught:
            read_table(path, SCORES)
        assert "\n" not in str(caught.value)
    for data in (b"", whole[: len(whole) // 2], footer):
        path.write_bytes(bytes(data))
        with pytest.raises(ValueError, match=rf"^{path}: no whole table: "):
            read_list_size(path, "vector")


def test_the_length_of_lists_is_read_or_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "features.parquet"
    values = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2.0], pa.float32()), 2)
    pq.write_table(pa.table({"picture": ["a"], "features": values}), path)
    assert read_list_size(path, "features") == 2
    for column in ("picture", "vector"):
        with pytest.raises(ValueError, match=rf"^{path}: no column {column} of lists"):
            read_list_size(path, column)
    for read in (read_encodings, read_embeddings):
        with pytest.raises(ValueError, match=rf"^{path}: no column vector of lists"):
            read(path)
    with pytest.raises(ValueError, match=r"none: no such table"):
        read_list_size(tmp_path / "none", "features")


@pytest.mark.parametrize(
    ("metric", "value", "words"),
    [
        ("psnr", float("nan"), "psnr holds NaN or infinity"),
        ("psnr", float("inf"), "psnr holds NaN or infinity"),
        ("alignment", 7.5, r"alignment holds 7\.5, a share"),
        ("fact_color", -0.25, r"fact_color holds -0\.25, a share"),
        ("all_facts", 1.0000001, r"all_facts holds 1\.0000001, a share"),
    ],
)
def test_numbers_that_no_metric_has_are_refused(
    tmp_path: Path, metric: str, value: float, words: str
) -> None:
    names = ("psnr", "alignment", "fact_color", "all_facts")
    schema = scores_schema({name: METRICS[name] for name in names})
    rows = scores().drop(["lpips", "psnr"])
    for name in names:
        numbers = [0.0, None, value if name == metric else 1.0]
        rows = rows.append_column(name, pa.array(numbers, pa.float64()))
    pq.write_table(rows, tmp_path / "scores.parquet")
    with pytest.raises(ValueError, match=rf"^{tmp_path}/scores\.parquet: column {words}"):
        read_table(tmp_path / "scores.parquet", schema)


def test_what_is_judged_is_a_share_of_facts() -> None:
    means = ("alignment", "alignment_geometric", "all_facts")
    judged = {*means, *(f"fact_{kind}" for kind in FACT_KINDS)}
    assert scores_schema(METRICS).shares == judged
    assert SCORES.shares == frozenset()


@pytest.mark.parametrize("schema", [PROMPTS, IMAGES, SCORES, embeddings_schema(8)])
def test_every_schema_has_a_key_that_can_not_be_null(schema: TableSchema) -> None:
    assert schema.observation
    assert schema.key
    assert all(not schema.columns.field(name).nullable for name in schema.key)


def repeated_scores(num_seeds: int) -> pd.DataFrame:
    """Three prompts in an order that is not the alphabet's, a third of the scores missing."""
    rng = np.random.default_rng(num_seeds)
    units = [(prompt, seed) for seed in range(num_seeds) for prompt in ("b", "c", "a")]
    table = pd.DataFrame(units, columns=["prompt_id", "seed"])
    values = rng.normal(size=(len(units), 2))
    values[rng.random(len(units)) < 1 / 3, 0] = np.nan
    table[["alignment", "sharpness"]] = values
    return table.assign(phase="screen", variant="base", none=np.nan)


def test_means_are_those_of_a_list_to_the_last_digit() -> None:
    for num_seeds in range(1, 40):
        table = repeated_scores(num_seeds)
        means = means_by_prompt(
            variant_scores(table, "screen")["base"], ["alignment", "sharpness", "none"]
        )
        for metric in ("alignment", "sharpness", "none"):
            expected = prompt_means(
                {
                    (prompt, seed): None if np.isnan(value) else value
                    for prompt, seed, value in zip(
                        table["prompt_id"], table["seed"], table[metric], strict=True
                    )
                }
            )
            assert means[metric].dropna().to_dict() == expected, num_seeds
        assert list(means.index) == ["a", "b", "c"]


def test_variants_keep_their_order_and_phases_are_apart() -> None:
    table = repeated_scores(2)
    later = table.assign(variant="a rival")
    confirmed = table.assign(phase="confirm")
    rows = variant_scores(pd.concat([table, confirmed, later]), "screen")
    assert list(rows) == ["base", "a rival"]
    assert rows["base"].index.tolist() == [(p, s) for p in "abc" for s in (0, 1)]
    assert numbers_of(np.array([np.nan, 1.0, np.nan, 0.5])) == [1.0, 0.5]
