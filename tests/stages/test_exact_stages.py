"""The stages of the exact benchmarks on a random-weight model."""

import json
from pathlib import Path
from typing import Any

import pytest

from stages import extract_embeddings
from stages.weights import conditioning, embedding_cache, padding, schedules, token_limit
from tests.support.graph import ROOT
from tests.support.projects.default_settings import make_defaults
from tests.support.projects.toy_project import PARAMS, SPEC, enter_project

BENCHMARKS: dict[str, Any] = {
    "conditioning": {
        "num_prompts": 2,
        "num_probe_prompts": 3,
        "dtype": "float32",
        "scales": [0.5, 10.0],
        "rope_thetas": [256.0, 1e6],
    },
    "embedding_cache": {
        "num_texts": 3,
        "num_images": 1,
        "dtypes": ["float32", "bfloat16", "float16"],
    },
    "padding": {
        "num_prompts": 2,
        "length": 32,
        "dtypes": ["float64", "float32", "bfloat16"],
        "extra_pads": [32],
    },
    "schedules": {
        "recipes": {"more": {"shift": 6.0, "num_inference_steps": 3, "guidance_scale": 4.0}}
    },
    "token_limit": {
        "lengths": [1504, 1505],
        "table_length": 1600,
        "equal_lengths": [1, 33],
        "long_lengths": [1505],
        "autoencoder_factors": [8],
    },
}


@pytest.fixture
def project(tmp_path: Path, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    params = {**PARAMS, "benchmarks": BENCHMARKS}
    large = make_defaults(num_inference_steps=2, max_sequence_length=64)  # enough for LPIPS
    enter_project(tmp_path, tiny_folder, params, monkeypatch, {**SPEC, "defaults": large})
    (tmp_path / "models" / "lpips-alexnet").symlink_to(ROOT / "models" / "lpips-alexnet")
    return tmp_path


def rows(project: Path, name: str) -> dict[str, dict[str, float]]:
    content = json.loads((project / "metrics" / f"{name}.json").read_text())
    assert list(content) == [name]
    return content[name]


def test_token_limit(project: Path) -> None:
    token_limit.main()
    found = rows(project, "token_limit")
    assert set(found["checks"].values()) == {1}
    assert found["caption"]["limit_tokens"] == 1504
    assert found["image"]["limit_pixels"] == 512 * 8
    assert (project / "reports/figures/token_limit/positions.png").is_file()


def test_padding(project: Path) -> None:
    padding.main()
    checks = rows(project, "padding")["checks"]
    for dtype in ("float32", "bfloat16"):
        assert checks[f"right_padding_is_within_rounding_in_{dtype}"] == 1
    assert checks["right_padding_is_exact_in_float64"] == 1
    assert (project / "reports/observations/padding.csv").is_file()


def test_conditioning(project: Path) -> None:
    conditioning.main()
    found = rows(project, "conditioning")
    # Random weights give embeddings that are small beside the norm's epsilon, so scale matters.
    assert found["embeddings"]["smallest_mean_square"] < 100 * found["embeddings"]["norm_eps"]
    assert found["checks"].pop("scaling_embeddings_changes_nothing_but_rounding") == 0
    assert found["checks"] == dict.fromkeys(found["checks"], 1)
    assert found["theta=1e+06,axis=0"]["num_bands"] == 2


def test_schedules(project: Path) -> None:
    schedules.main()
    found = rows(project, "schedules")
    assert set(found["checks"].values()) == {1}
    assert found["shift=6,num_inference_steps=3,guidance_scale=on"]["num_forwards"] == 6


def test_embedding_cache(project: Path) -> None:
    extract_embeddings.main()
    embedding_cache.main()
    found = rows(project, "embedding_cache")
    assert set(found["checks"].values()) == {1}
    assert found["study=hidden_layer"]["num_encodings"] == 3
    assert found["dtype=float32"]["float16_change"] > 0
    assert found["dtype=float16"]["float16_change"] == 0


def test_a_cache_of_other_embeddings_is_found_out(project: Path) -> None:
    from zimage_eval.text.embeddings import TextEmbeddings, read_embeddings, write_embeddings

    extract_embeddings.main()
    path = project / "data/embeddings/baseline.parquet"
    [(key, one), *others] = read_embeddings(path).items()
    entries = [
        TextEmbeddings(*pair, *_tokens(len(embeds)), embeds)
        for pair, embeds in [(key, one * (1 + 1e-6)), *others]
    ]
    write_embeddings(path, entries)
    embedding_cache.main()
    assert rows(project, "embedding_cache")["checks"]["tables_equal_embeddings_made_anew"] == 0


def _tokens(length: int) -> tuple[Any, list[str]]:
    import torch

    return torch.arange(length), ["x"] * length
