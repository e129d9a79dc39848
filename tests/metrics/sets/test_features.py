from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zimage_eval.metrics.sets.features import (
    read_reference,
    read_study_features,
    write_reference,
    write_study_features,
)
from zimage_eval.metrics.signatures import read_signatures, write_signatures

ROWS: list[dict[str, Any]] = [
    {"variant": variant, "phase": phase, "prompt_id": f"p{prompt}", "seed": 7, "file": "x"}
    for variant in ("b", "a")
    for phase in ("screen", "confirm")
    for prompt in (2, 1)
]


def features(num_images: int = len(ROWS)) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(num_images, 5)).astype(np.float32)


def test_features_come_back_to_their_images(tmp_path: Path) -> None:
    path = tmp_path / "alexnet.parquet"
    write_study_features(path, ROWS, features())
    found = read_study_features(path)
    for row, vector in zip(ROWS, features(), strict=True):
        vectors, prompts = found.of(row["variant"], row["phase"])
        assert np.array_equal(vectors[prompts.index(row["prompt_id"])], vector)
        assert sorted(prompts) == ["p1", "p2"]
    none, prompts = found.of("gone", "screen")
    assert none.shape == (0, 5) and prompts == []


def test_bytes_do_not_depend_on_the_order_of_images(tmp_path: Path) -> None:
    write_study_features(tmp_path / "one.parquet", ROWS, features())
    write_study_features(tmp_path / "other.parquet", ROWS[::-1], features()[::-1])
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()


def test_reference_and_signatures_round_trip(tmp_path: Path) -> None:
    write_reference(tmp_path / "vae.parquet", ["y", "x", "z"], features(3))
    assert np.array_equal(read_reference(tmp_path / "vae.parquet"), features(3))
    signatures = {"vae": {"weights_sha256": "0" * 64, "resize": "to 64"}}
    write_signatures(tmp_path / "x.json", signatures)
    assert read_signatures(tmp_path / "x.json") == signatures


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.parquet: no such table"):
        read_study_features(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="no such table"):
        read_reference(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match=r"signatures\.json"):
        read_signatures(tmp_path / "signatures.json")
