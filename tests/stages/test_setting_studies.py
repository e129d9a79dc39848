"""A study over each setting runs from parameters to pictures, and does to them what it says."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stages import extract_embeddings, generate_images
from tests.support.projects.default_settings import make_defaults
from tests.support.projects.toy_project import PARAMS, PHASES, SPEC, enter_project
from zimage_eval.config.settings import KEYS
from zimage_eval.output.tables import IMAGES, read_table

THREE_STEPS = {
    **SPEC,
    "defaults": make_defaults(max_sequence_length=16, num_inference_steps=3, height=16, width=24),
}
TEXTS = {
    **PHASES,
    "screen": {
        "a": "a red circle",
        "b": "a small blue star and a large green square on a black background",
    },
}
"""One of them is longer than `max_sequence_length`."""
CHANGES: dict[tuple[str, str], list[Any]] = {
    ("prompt", "word_order"): ["reversed", "shuffled"],
    ("prompt", "prefix"): ["crisp"],
    ("prompt", "suffix"): ["at night"],
    ("prompt", "filler_tokens"): [12],
    ("encoder", "hidden_layer"): [-1, "raw_last", [-2, -3]],
    ("encoder", "layer_map"): ["moments", "ridge"],
    ("encoder", "chat_template"): [False],
    ("encoder", "system_prompt"): ["a star"],
    ("encoder", "think_block"): ["", "a star"],
    ("encoder", "max_sequence_length"): [20],
    ("encoder", "long_prompt"): ["pool", "interpolate", "chunk"],
    ("sampler", "sigma_schedule"): ["karras", "exponential", "beta", "dynamic_shift"],
    ("sampler", "shift"): [1.0],
    ("sampler", "num_inference_steps"): [2],
    ("sampler", "guidance_scale"): [1.0],
    ("refiner", "refiner_blend"): [0.0, 0.5, 1.25],
    ("refiner", "dropped_refiner_layers"): [[0]],
    ("refiner", "refiner_attention"): [False],
    ("refiner", "refiner_feed_forward"): [False],
    ("refiner", "refiner_delta"): ["random", "linear"],
    ("rope", "rope_theta"): [1e4],
    ("rope", "linear_scaling"): [2.0],
    ("rope", "ntk_scaling"): [2.0],
    ("image", "height"): [24],
    ("image", "width"): [16],
}
"""Values that change pictures."""
NEUTRAL: dict[tuple[str, str], list[Any]] = {
    ("prompt", "own_lead"): [False],  # these captions have none
    ("prompt", "filler_counts"): ["caption"],  # of no filler
    ("prompt", "filler_position"): ["after", "both"],
    ("sampler", "negative_prompt"): ["ugly"],  # nobody reads it without guidance
    ("rope", "table_length"): [2048],
    ("rope", "rope_theta_scope"): ["caption", "refiner"],  # of the model's own theta
}
"""Values that leave every pixel as it was."""
ROUNDING: dict[tuple[str, str], list[Any]] = {("encoder", "padding_side"): ["left", "none"]}
"""Values that may turn last bits."""
LACKING: dict[tuple[str, str], list[Any]] = {
    ("refiner", "refiner_timestep"): [True],
    ("encoder", "hidden_layer"): [[-2, -9]],
}
"""Values that the toy model lacks."""


def study(key: tuple[str, str], values: list[Any]) -> dict[str, Any]:
    return {
        "question": "?",
        "prompts": "main",
        "vary": {key[0]: {key[1]: values}},
        "variants": {},
        "confirm": None,
    }


def draw(
    folder: Path, model: Path, changes: dict[tuple[str, str], list[Any]], patch: pytest.MonkeyPatch
) -> dict[tuple[str, str], dict[str, list[bytes | str]]]:
    """Files or errors of the screened images, by study and variant."""
    studies = {leaf: study((group, leaf), values) for (group, leaf), values in changes.items()}
    enter_project(folder, model, {**PARAMS, "studies": studies}, patch, THREE_STEPS, TEXTS)
    extract_embeddings.main()
    found: dict[tuple[str, str], dict[str, list[bytes | str]]] = {}
    for key in changes:
        generate_images.main(key[1])
        images = folder / "data" / "images" / key[1]
        for row in read_table(images / "images.parquet", IMAGES).to_pylist():
            if row["phase"] == "screen":
                result = row["error"] or (images / row["file"]).read_bytes()
                found.setdefault(key, {}).setdefault(row["variant"], []).append(result)
    return found


def baseline_of(variants: dict[str, list[bytes | str]], key: tuple[str, str]) -> list[bytes | str]:
    """The study lists other values only, so its baseline was put in front."""
    name = next(iter(variants))
    assert name.startswith(f"{key[1]}=")
    return variants[name]


def test_every_setting_is_tried() -> None:
    assert set(CHANGES) | set(NEUTRAL) | set(ROUNDING) | set(LACKING) == set(KEYS)


def test_values_that_change_pictures(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = draw(tmp_path, tiny_folder, CHANGES, monkeypatch)
    for key, variants in drawn.items():
        baseline = baseline_of(variants, key)
        assert len(variants) == 1 + len(CHANGES[key]), key
        for name, files in variants.items():
            assert all(isinstance(file, bytes) for file in files), (name, files)
            changed = any(one != other for one, other in zip(files, baseline, strict=True))
            assert changed is (files is not baseline), name


def test_values_that_change_nothing(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, variants in draw(tmp_path, tiny_folder, NEUTRAL, monkeypatch).items():
        assert len(variants) == 1 + len(NEUTRAL[key])
        for name, files in variants.items():
            assert files == baseline_of(variants, key), name


def test_padding_sides_run_and_have_embeddings_of_their_own(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [variants] = draw(tmp_path, tiny_folder, ROUNDING, monkeypatch).values()
    assert all(isinstance(file, bytes) for files in variants.values() for file in files)
    table = pq.read_table(tmp_path / "data/embeddings/padding_side.parquet")
    assert len(table["encoder"].unique()) == 3


def test_values_that_the_model_lacks_are_rows_with_the_reason(
    tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = draw(tmp_path, tiny_folder, LACKING, monkeypatch)
    for key, variants in drawn.items():
        _, lacking = variants.values()
        reasons = {str(error) for error in lacking}
        assert len(reasons) == 1, key
        assert reasons.pop().startswith(f"not available: {key[1]} ")
