"""Read and write the table of pictures by a turbo, and by its base under many guidance scales."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zimage_eval.benchmarks.guidance.distances import Floats
from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.output.tables import TableSchema, read_list_size, read_table, write_table

TURBO: Final = "turbo"
TURBO_AGAIN: Final = "turbo again"
"""The turbo from other noise. Its distance to `TURBO` is that of two samples of the same model."""
SPACES: Final = ("alexnet", "vae", "shown")
"""Columns of vectors: compact features of two backbones, and counts of what a picture shows."""
SHARES: Final = ("alignment", *(f"fact_{kind}" for kind in FACT_KINDS))
LOOKS: Final = ("saturation", "contrast")


def arm_name(guidance_scale: float) -> str:
    """Name of the arm that the base drew with a guidance scale."""
    return f"w={guidance_scale}"


def arms_schema(sizes: Mapping[str, int]) -> TableSchema:
    """Schema of the table; `sizes` are the lengths of its vectors by the names of `SPACES`."""
    required = {
        "arm": pa.string(),
        "prompt_id": pa.string(),
        "category": pa.string(),
        "noise": pa.int32(),  # counted from 0; no two arms share one
        "weights": pa.string(),  # zimage_eval.model.folder.weights_digest of the transformer
        **dict.fromkeys(LOOKS, pa.float32()),
    }
    vectors = {name: pa.list_(pa.float16(), sizes[name]) for name in SPACES}
    optional = {"guidance_scale": pa.float64(), **dict.fromkeys(SHARES, pa.float32())}
    return TableSchema(
        observation="a picture of one arm",
        key=("arm", "prompt_id", "noise"),
        columns=pa.schema(
            [pa.field(name, kind, nullable=False) for name, kind in (required | vectors).items()]
            + [pa.field(name, kind) for name, kind in optional.items()]
        ),
    )


class GuidanceArms(NamedTuple):
    """Pictures of the same prompts: by a turbo twice, and by its base under several scales."""

    prompt_ids: Sequence[str]
    categories: Sequence[str]
    """Category of each prompt."""
    scales: Mapping[str, float]
    """Arm of the base -> guidance scale, in increasing order."""
    weights: Mapping[str, str]
    """Arm -> digest of the transformer that drew it."""
    vectors: Mapping[str, Mapping[str, Floats]]
    """Space -> arm -> `(num_prompts, num_noises, num_features)`."""
    shares: Mapping[str, Mapping[str, NDArray[np.float64]]]
    """Name in `SHARES` or `LOOKS` -> arm -> `(num_prompts, num_noises)`; NaN if a prompt states no
    such fact."""


def write_arms(
    path: Path, rows: Sequence[Mapping[str, Any]], vectors: Mapping[str, NDArray[np.floating]]
) -> None:
    """Write the table, sorted by its key.

    Args:
        path: file of the table.
        rows: one per picture, with all columns except the vectors.
        vectors: space -> `(num_pictures, num_features)`.
    """
    schema = arms_schema({name: vectors[name].shape[1] for name in SPACES})
    order = sorted(range(len(rows)), key=lambda index: [rows[index][key] for key in schema.key])
    arrays = []
    for field in schema.columns:
        if field.name in vectors:
            values = vectors[field.name][order].astype(np.float16)
            flat = pa.array(values.ravel(), pa.float16())
            arrays.append(pa.FixedSizeListArray.from_arrays(flat, values.shape[1]))
        else:
            arrays.append(pa.array([rows[index][field.name] for index in order], field.type))
    write_table(path, schema, pa.Table.from_arrays(arrays, schema=schema.columns))


def read_arms(path: Path) -> GuidanceArms:
    """Read the table that `write_arms` wrote.

    Raises:
        ValueError: the file is missing or has other columns, an arm is missing, or the pictures of
            two arms are of different prompts or noises.
    """
    sizes = {name: read_list_size(path, name) for name in SPACES}
    table = read_table(path, arms_schema(sizes)).combine_chunks()
    arms = np.array(table["arm"].to_pylist())
    units = np.array([f"{p} {n}" for p, n in _columns(table, "prompt_id", "noise")])
    places = {str(arm): np.flatnonzero(arms == arm) for arm in np.unique(arms)}
    if not {TURBO, TURBO_AGAIN} < set(places):
        raise ValueError(
            f"{path}: has the arms {', '.join(sorted(places))}; "
            f"needed are {TURBO!r}, {TURBO_AGAIN!r} and those of the base"
        )
    expected = units[places[TURBO]]
    for arm, place in places.items():
        if not np.array_equal(units[place], expected):
            raise ValueError(
                f"{path}: the pictures of {arm!r} have other prompts or noises than {TURBO!r}"
            )
    first = [row for row in _columns(table, "prompt_id", "category", "arm") if row[2] == TURBO]
    categories = dict(row[:2] for row in first)
    num_noises = len(expected) // len(categories)
    scales = dict(row for row in _columns(table, "arm", "guidance_scale") if row[1] is not None)

    def split(values: NDArray[Any]) -> dict[str, Floats]:
        shape = (len(categories), num_noises, *values.shape[1:])
        return {
            arm: values[place].astype(np.float64).reshape(shape) for arm, place in places.items()
        }

    vectors = {
        name: table[name].combine_chunks().flatten().to_numpy().reshape(len(table), -1)
        for name in SPACES
    }
    numbers = {name: table[name].to_pandas().to_numpy(dtype=np.float64) for name in SHARES + LOOKS}
    return GuidanceArms(
        prompt_ids=list(categories),
        categories=list(categories.values()),
        scales=dict(sorted(scales.items(), key=lambda item: item[1])),
        weights=dict(_columns(table, "arm", "weights")),
        vectors={name: split(values) for name, values in vectors.items()},
        shares={name: split(values) for name, values in numbers.items()},
    )


def _columns(table: pa.Table, *names: str) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))
