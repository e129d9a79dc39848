"""Features of pictures: reading and writing Parquet tables, and checking sets before metrics."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

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

BATCH = 8
"""Pictures of a batch: more are not faster on a CPU, and at 1024 pixels they need more memory."""

Batched = TypeVar("Batched")
Features = NDArray[np.float64]
"""`(num_images, num_features)`, finite."""


class StudyFeatures(NamedTuple):
    """The features of a study's images on one backbone."""

    rows: Sequence[TableRow]
    """Variant, phase, prompt_id and seed of each image."""
    features: NDArray[np.float32]
    """`(num_images, num_features)`."""

    def of(self, variant: str, phase: str) -> tuple[NDArray[np.float32], list[str]]:
        """`(num_images, num_features)` of a variant's images in a phase, and their prompts' ids."""
        indices = [
            i for i, r in enumerate(self.rows) if r["variant"] == variant and r["phase"] == phase
        ]
        return self.features[indices], [self.rows[index]["prompt_id"] for index in indices]


def split_batches(pictures: Sequence[Batched]) -> list[Sequence[Batched]]:
    """Pictures in batches that go through a backbone together; their order decides last bits."""
    return [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]


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
    """The features of a table of a study's images.

    Raises:
        ValueError: the file is missing or is no such table.
    """
    table, features = _read(path, features_schema)
    return StudyFeatures(table.drop_columns(["features"]).to_pylist(), features)


def read_reference(path: Path) -> NDArray[np.float32]:
    """`(num_pictures, num_features)` of a table of reference pictures.

    Raises:
        ValueError: the file is missing or is no such table.
    """
    return _read(path, reference_schema)[1]


def feature_set(features: NDArray[np.floating], min_images: int) -> Features:
    """The features in float64.

    Raises:
        ValueError: not `(num_images, num_features)` finite floats, or under `min_images` images.
    """
    if features.ndim != 2 or features.shape[1] == 0 or features.dtype.kind != "f":
        raise ValueError(
            f"want floats (num_images, num_features), got {features.dtype} {features.shape}"
        )
    if len(features) < min_images:
        raise ValueError(f"{len(features)} images, at least {min_images} are needed")
    if not np.isfinite(features).all():
        bad = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise ValueError(f"features of image {bad} are not finite")
    return features.astype(np.float64)


def feature_sets(
    features: NDArray[np.floating], reference: NDArray[np.floating], min_images: int
) -> tuple[Features, Features]:
    """Both sets in float64.

    Raises:
        ValueError: as `feature_set`, or the sets differ in their number of features.
    """
    first, second = feature_set(features, min_images), feature_set(reference, min_images)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{first.shape[1]} features against {second.shape[1]} in the reference: two backbones?"
        )
    return first, second


def resplit(features: Features, reference: Features, seed: int) -> tuple[Features, Features]:
    """Two sets of the same sizes as the given ones, drawn without replacement from all images.

    A metric of these two sets is its null: the value for images and reference of one population.
    """
    pool = np.concatenate([features, reference])
    order = np.random.default_rng(seed).permutation(len(pool))
    return pool[order[: len(features)]], pool[order[len(features) :]]


def _write(
    path: Path, schema: TableSchema, columns: Mapping[str, list[Any]], features: NDArray[np.float32]
) -> None:
    arrays = [pa.array(columns[name], schema.columns.field(name).type) for name in columns]
    values = pa.array(features.ravel(), pa.float32())
    arrays.append(pa.FixedSizeListArray.from_arrays(values, features.shape[1]))
    write_table(path, schema, pa.Table.from_arrays(arrays, schema=schema.columns))


def _read(path: Path, schema: Callable[[int], TableSchema]) -> tuple[pa.Table, NDArray[np.float32]]:
    num_features = read_list_size(path, "features")
    table = read_table(path, schema(num_features)).combine_chunks()
    values = table["features"].combine_chunks().flatten().to_numpy()
    return table, values.reshape(-1, num_features)
