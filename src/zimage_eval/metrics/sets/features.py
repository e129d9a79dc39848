"""Features of pictures: Parquet tables of them, and the sets that metrics compare."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zimage_eval.output.tables import (
    TableRow,
    TableSchema,
    features_schema,
    read_list_size,
    read_table,
    reference_schema,
    write_table,
)


class StudyFeatures(NamedTuple):
    """What one backbone made of a study's images."""

    rows: Sequence[TableRow]
    """Variant, phase, prompt_id and seed of each."""
    features: NDArray[np.float32]
    """`(num_images, num_features)`."""

    def of(self, variant: str, phase: str) -> tuple[NDArray[np.float32], list[str]]:
        """`(num_images, num_features)` of a variant's images in a phase, and their prompts' ids."""
        chosen = [
            i for i, r in enumerate(self.rows) if r["variant"] == variant and r["phase"] == phase
        ]
        return self.features[chosen], [self.rows[index]["prompt_id"] for index in chosen]


def write_study_features(
    path: Path, rows: Sequence[TableRow], features: NDArray[np.float32]
) -> None:
    """Write the features of images, sorted by the images' key."""
    keys = features_schema(1).key
    order = sorted(range(len(rows)), key=lambda index: [rows[index][key] for key in keys])
    columns = {key: [rows[index][key] for index in order] for key in keys}
    _write(path, features_schema(features.shape[1]), columns, features[order])


def write_reference(path: Path, pictures: Sequence[str], features: NDArray[np.float32]) -> None:
    """Write the features of reference pictures, by name, in their order."""
    schema = reference_schema(features.shape[1])
    _write(path, schema, {"picture": list(pictures)}, features)


def read_study_features(path: Path) -> StudyFeatures:
    """ValueError where the file is missing or is no such table."""
    table, features = _read(path, features_schema)
    return StudyFeatures(table.drop_columns(["features"]).to_pylist(), features)


def read_reference(path: Path) -> NDArray[np.float32]:
    """`(num_pictures, num_features)`; ValueError where the file is missing or no such table."""
    return _read(path, reference_schema)[1]


def _write(
    path: Path, schema: TableSchema, columns: Mapping[str, list[Any]], features: NDArray[np.float32]
) -> None:
    arrays = [pa.array(columns[name], schema.columns.field(name).type) for name in columns]
    values = pa.array(features.ravel(), pa.float32())
    arrays.append(pa.FixedSizeListArray.from_arrays(values, features.shape[1]))
    write_table(path, schema, pa.Table.from_arrays(arrays, schema=schema.columns))


def _read(path: Path, schema: Any) -> tuple[pa.Table, NDArray[np.float32]]:  # noqa: ANN401
    num_features = read_list_size(path, "features")
    table = read_table(path, schema(num_features)).combine_chunks()
    values = table["features"].combine_chunks().flatten().to_numpy()
    return table, values.reshape(-1, num_features)


Features = NDArray[np.float64]
"""`(num_images, num_features)`, finite."""


def feature_set(features: NDArray[np.floating], least: int) -> Features:
    """The features in float64.

    Raises:
        ValueError: no `(num_images, num_features)` of finite floats, or fewer than `least` images.
    """
    if features.ndim != 2 or features.shape[1] == 0 or features.dtype.kind != "f":
        raise ValueError(
            f"want floats (num_images, num_features), got {features.dtype} {features.shape}"
        )
    if len(features) < least:
        raise ValueError(f"{len(features)} images, at least {least} are needed")
    if not np.isfinite(features).all():
        bad = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise ValueError(f"features of image {bad} are not finite")
    return features.astype(np.float64)


def feature_sets(
    features: NDArray[np.floating], reference: NDArray[np.floating], least: int
) -> tuple[Features, Features]:
    """Both sets as `feature_set`; ValueError too where they differ in their number of features."""
    first, second = feature_set(features, least), feature_set(reference, least)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{first.shape[1]} features against {second.shape[1]} in the reference: two backbones?"
        )
    return first, second


def resplit(features: Features, reference: Features, seed: int) -> tuple[Features, Features]:
    """Two sets of the same two sizes, drawn without replacement from all images together.

    What a metric says of them is its null: the value where images and reference are one population.
    """
    pool = np.concatenate([features, reference])
    order = np.random.default_rng(seed).permutation(len(pool))
    return pool[order[: len(features)]], pool[order[len(features) :]]
