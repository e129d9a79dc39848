"""The Parquet tables between stages: what a row observes, its key, its columns.

`write_table` and `read_table` hold a table to its schema. Files are byte-deterministic: the same
table gives the same bytes with the same version of PyArrow. A score table in memory is pandas',
where a missing score is NaN; `variant_scores` and `means_by_prompt` group it.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from zimage_eval.config.model_spec import SOFT_JUDGES, JudgeName

if TYPE_CHECKING:  # a margin decides nothing of a table
    from zimage_eval.config.metrics import MetricDefinition
    from zimage_eval.config.params import Phase

TableRow = Mapping[str, Any]
"""A row of a table, by column."""


class TableSchema(NamedTuple):
    """What a table holds."""

    observation: str
    """What one row is."""
    key: tuple[str, ...]
    """Columns that together are unique."""
    columns: pa.Schema
    """Names, types, and which columns may hold null. No number of a column is NaN or infinite."""
    shares: frozenset[str] = frozenset()
    """Columns whose numbers lie in [0, 1]."""


def _columns(required: dict[str, pa.DataType], nullable: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema(
        [pa.field(name, kind, nullable=False) for name, kind in required.items()]
        + [pa.field(name, kind) for name, kind in nullable.items()]
    )


PROMPTS = TableSchema(
    observation="a prompt of one phase",
    key=("prompt_id",),
    columns=_columns(
        {
            "prompt_id": pa.string(),
            "category": pa.string(),
            "text": pa.string(),
            "facts": pa.string(),  # JSON of zimage_eval.prompts.facts.Facts
            "seeds": pa.list_(pa.int64()),
        },
        nullable={},
    ),
)

# What tells an image of a study from the others.
_IMAGE = {
    "variant": pa.string(),
    "phase": pa.string(),
    "prompt_id": pa.string(),
    "seed": pa.int64(),
}

IMAGES = TableSchema(
    observation="an image asked for, made or failed",
    key=tuple(_IMAGE),
    columns=_columns(
        _IMAGE,
        nullable={
            "file": pa.string(),  # relative to the table's folder
            "num_forwards": pa.int32(),  # transformer evaluations; guidance counts two a step
            "sigmas": pa.list_(pa.float64()),
            "batch_size": pa.int32(),
            "pixels": pa.string(),  # zimage_eval.output.png.pixels_digest of the picture
            "error": pa.string(),
        },
    ),
)


FACTS = TableSchema(
    observation="a fact of an image, as the judge found it",
    key=(*_IMAGE, "fact"),
    columns=_columns(
        _IMAGE
        | {
            "image": pa.string(),  # zimage_eval.metrics.judges.judges.Picture.digest
            "fact": pa.string(),  # zimage_eval.prompts.facts.FactResult.name
            "held": pa.bool_(),
        },
        nullable={},
    ),
)
SOFT_FACTS = FACTS._replace(
    columns=FACTS.columns.append(pa.field("probability", pa.float64(), nullable=False)),
    shares=frozenset({"probability"}),
)
"""Of a judge that gives probabilities."""


def facts_schema(judge: JudgeName) -> TableSchema:
    """The schema of a table of facts, by who judged them."""
    return SOFT_FACTS if judge in SOFT_JUDGES else FACTS


def embeddings_schema(hidden_size: int) -> TableSchema:
    """Schema of an embedding table whose vectors are `(hidden_size,)` float32."""
    return TableSchema(
        observation="a token of a text, under one encoder setting",
        key=("text", "encoder", "position"),
        columns=_columns(
            {
                "text": pa.string(),
                "encoder": pa.string(),  # canonical JSON of EncoderSettings
                "hidden_layer": pa.string(),  # one of them, as variants are named by it
                "position": pa.int32(),
                "token_id": pa.int32(),
                "token": pa.string(),
                "vector": pa.list_(pa.float32(), hidden_size),
            },
            nullable={},
        ),
    )


WORDINGS = TableSchema(
    observation="a prompt's text as the text encoder is given it, under one wording",
    key=("text", "prompt", "encoder"),
    columns=_columns(
        {
            "text": pa.string(),  # as the prompt set has it
            "prompt": pa.string(),  # canonical JSON of PromptSettings
            "encoder": pa.string(),  # the same of EncoderSettings: fillers count its chat format
        },
        nullable={
            "wording": pa.string(),
            "error": pa.string(),  # why there is none
        },
    ),
)


UNIT = ["prompt_id", "seed"]
"""The columns that pair an image with the baseline's."""


SWAPPED_PROMPTS = "swapped prompts"
"""Variant of the score table's rows of the baseline's own pictures that were judged by what another
prompt states."""


def scores_schema(metrics: Mapping[str, "MetricDefinition"]) -> TableSchema:
    """Schema of a score table with a nullable float64 column per metric."""
    return TableSchema(
        observation="an image asked for, and its scores",
        key=tuple(_IMAGE),
        columns=_columns(
            {
                "variant": pa.string(),
                "phase": pa.string(),
                "prompt_id": pa.string(),
                "category": pa.string(),
                "seed": pa.int64(),
            },
            nullable={"error": pa.string()} | {metric: pa.float64() for metric in metrics},
        ),
        shares=frozenset(name for name, metric in metrics.items() if metric.is_judged),
    )


def features_schema(num_features: int) -> TableSchema:
    """Schema of a table of `(num_features,)` float32 features of a study's images."""
    return TableSchema(
        observation="an image that was made, as a network sees it",
        key=tuple(_IMAGE),
        columns=_columns(_IMAGE | {"features": pa.list_(pa.float32(), num_features)}, nullable={}),
    )


def reference_schema(num_features: int) -> TableSchema:
    """Schema of a table of `(num_features,)` float32 features of reference pictures."""
    return TableSchema(
        observation="a reference picture, as a network sees it",
        key=("picture",),
        columns=_columns(
            {"picture": pa.string(), "features": pa.list_(pa.float32(), num_features)},
            nullable={},
        ),
    )


def write_table(path: Path, schema: TableSchema, table: pa.Table) -> None:
    """Write a table that fits its schema; the file appears whole or not at all.

    Floats are BYTE_STREAM_SPLIT, everything else is dictionary-encoded, all is zstd level 1.

    Raises:
        ValueError: columns, types, nulls or keys are not the schema's.
        OSError: names the file.
    """
    _check(str(path), schema, table)
    floats = [leaf for leaf, kind in _leaves(schema.columns) if pa.types.is_floating(kind)]
    others = [leaf for leaf, kind in _leaves(schema.columns) if not pa.types.is_floating(kind)]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(
            table.cast(schema.columns),
            temporary,
            row_group_size=65536,
            compression="zstd",
            compression_level=1,
            use_dictionary=others,
            column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT"),
        )
    except OSError as error:  # a full disk's names no file
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    temporary.replace(path)


def read_table(path: Path, schema: TableSchema) -> pa.Table:
    """Read a table that fits its schema.

    Raises:
        ValueError: the file is missing or damaged, or columns, types, nulls, numbers or keys are
            not the schema's; names it.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such table")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    _check(str(path), schema, table)
    return table


def read_list_size(path: Path, column: str) -> int:
    """How many numbers each list of a column holds, which completes the schema of its table.

    Raises:
        ValueError: the file is missing or damaged, or has no such column of lists of one length.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such table")
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    kind = schema.field(column).type if column in schema.names else pa.null()
    if not pa.types.is_fixed_size_list(kind):
        raise ValueError(f"{path}: no column {column} of lists of one length")
    return int(kind.list_size)


def variant_scores(scores: pd.DataFrame, phase: "Phase") -> dict[str, pd.DataFrame]:
    """Variant -> its rows of a phase, sorted by prompt and seed, which are the index.

    Variants are in the order in which they first occur.

    Args:
        scores: a score table.
        phase: whose rows are wanted.
    """
    rows = scores[scores["phase"] == phase].set_index(UNIT)
    variants = rows.groupby("variant", sort=False)
    return {str(variant): images.sort_index() for variant, images in variants}


def means_by_prompt(rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Prompt id -> mean of each metric over the prompt's seeds.

    A missing score is left out, not counted as 0; a prompt without any score has NaN. Means are
    numpy's over the seeds in their order: pandas adds up in another order, and last digits differ.

    Args:
        rows: of one variant, with the index of `variant_scores`.
        metrics: columns to average.
    """
    values = rows[list(metrics)].to_numpy(dtype=np.float64)
    places = rows.groupby(level="prompt_id").indices
    means = [_means(values[place].T) for place in places.values()]
    return pd.DataFrame(means, index=list(places), columns=list(metrics), dtype=np.float64)


def numbers_of(values: NDArray[np.float64]) -> list[float]:
    """The numbers that are there, without NaN."""
    numbers: list[float] = values[~np.isnan(values)].tolist()
    return numbers


def _means(seeds: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(num_metrics,)`: means of `(num_metrics, num_seeds)` over the seeds that have a number."""
    is_missing = np.isnan(seeds)
    means = np.ascontiguousarray(seeds).mean(axis=1)  # contiguous: added up as a list would be
    for metric in np.flatnonzero(is_missing.any(axis=1) & ~is_missing.all(axis=1)):
        means[metric] = np.mean(seeds[metric][~is_missing[metric]])
    return means


def _damaged(path: Path, error: Exception) -> ValueError:
    return ValueError(f"{path}: no whole table: {' '.join(str(error).split())}")


def _check(where: str, schema: TableSchema, table: pa.Table) -> None:
    expected = schema.columns
    if table.column_names != expected.names:
        raise ValueError(f"{where}: columns are {table.column_names}, not {expected.names}")
    for field, column in zip(expected, table.columns, strict=True):
        if column.type != field.type:
            raise ValueError(f"{where}: column {field.name} is {column.type}, not {field.type}")
        if column.null_count and not field.nullable:
            raise ValueError(f"{where}: column {field.name} holds {column.null_count} nulls")
        if pa.types.is_floating(column.type):
            _check_numbers(f"{where}: column {field.name}", column, field.name in schema.shares)
        if pa.types.is_nested(column.type) and pc.list_flatten(column).null_count:
            raise ValueError(f"{where}: column {field.name} holds nulls inside its lists")
    counts = table.group_by(list(schema.key)).aggregate([([], "count_all")])
    doubles = counts.filter(pc.greater(counts["count_all"], 1)).select(list(schema.key))
    if doubles.num_rows:
        raise ValueError(f"{where}: two rows have the key {doubles.to_pylist()[0]}")


def _check_numbers(where: str, column: pa.ChunkedArray, is_share: bool) -> None:
    if pc.any(pc.invert(pc.is_finite(column))).as_py():
        raise ValueError(f"{where} holds NaN or infinity")
    ends = pc.min_max(column).as_py()
    if is_share and ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] <= 1:
        wrong = ends["min"] if ends["min"] < 0 else ends["max"]
        raise ValueError(f"{where} holds {wrong}, a share lies in [0, 1]")


def _leaves(columns: pa.Schema) -> list[tuple[str, pa.DataType]]:
    """Path and type of each column as Parquet stores it."""
    return [
        (f"{field.name}.list.element", field.type.value_type)
        if pa.types.is_nested(field.type)
        else (field.name, field.type)
        for field in columns
    ]
