"""A working directory with parameters, a random-weight model and a few prompts."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from ruamel.yaml import YAML

from stages import expand_studies
from tests.support.projects.default_settings import make_defaults
from tests.support.projects.measuring_settings import MEASURING
from zimage_eval.output.tables import PROMPTS, write_table

SPEC = {
    "title": "tiny",
    "prompt_sets": {"main": "scenes"},
    "judge": "none",
    **MEASURING,
    "batch_size": 2,
    "dtype": {"text_encoder": "float32", "transformer": "float32", "vae": "float32"},
    "defaults": make_defaults(
        max_sequence_length=64, num_inference_steps=2, negative_prompt="blurry", height=16, width=24
    ),
    "planning": {"seconds_per_forward": 0.1, "seconds_per_image": 0.1, "alignment_sd": 0.1},
}
PARAMS = {
    "model": "tiny",
    "phases": {
        "screen": {"num_prompts": 3, "num_seeds": 1},
        "confirm": {"num_prompts": 1, "num_seeds": 2},
    },
    "studies": {
        "baseline": {
            "question": "?",
            "prompts": "main",
            "vary": {},
            "variants": {},
            "confirm": None,
        },
        "hidden_layer": {
            "question": "?",
            "prompts": "main",
            "vary": {"encoder": {"hidden_layer": [-1, -2, -9]}},
            "variants": {},
            "confirm": "hidden_layer=-1",
        },
        "guidance": {
            "question": "?",
            "prompts": "main",
            "vary": {"sampler": {"guidance_scale": [0.0, 1.0]}},
            "variants": {},
            "confirm": None,
        },
    },
}
PHASES = {
    "screen": {"a": "a red circle", "b/1": "a small blue star on a black background", "c": "x"},
    "confirm": {"d": "a large green square"},
}


def save_yaml(path: Path, content: object) -> None:
    with path.open("w") as file:
        YAML().dump(content, file)


def enter_project(
    folder: Path,
    model: Path,
    params: Mapping[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    spec: Mapping[str, Any] = SPEC,
    texts: Mapping[str, Mapping[str, str]] = PHASES,
) -> None:
    """Write it all into a folder, which becomes the working directory, and set the image store."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # the same test everywhere
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", str(folder / "store"))
    shutil.copytree(model, folder / "models" / "tiny")
    save_yaml(folder / "models" / "tiny.yaml", spec)
    save_yaml(folder / "params.yaml", params)
    expand_studies.main()
    for phase, prompts in texts.items():
        rows = [
            {
                "prompt_id": key,
                "category": "object",
                "text": text,
                "facts": '{"objects": [{"name": "circle"}]}',
                "seeds": [7, 8][: 1 + (phase == "confirm")],
            }
            for key, text in prompts.items()
        ]
        path = folder / "data" / "prompts" / "main" / f"{phase}.parquet"
        write_table(path, PROMPTS, pa.Table.from_pylist(rows, schema=PROMPTS.columns))


def outputs(study: str) -> dict[str, bytes]:
    """Every file of a study's folder of images."""
    folder = Path("data/images") / study
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
