"""A random model in the released layout, and every value of every setting drawn with it."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from transformers import Qwen3Config, Qwen3Model

from tests.support.projects.default_settings import make_settings
from tests.support.projects.toy_project import SPEC
from tests.support.repository import ROOT
from tools.write_random_model import TEXT_ENCODER, TRANSFORMER, VAE, write_random_model
from zimage_eval.benchmarks.machine.loaded_model import load_model, weights_name
from zimage_eval.benchmarks.machine.released_layout import (
    CHANGES_PICTURE,
    FULL_SIZE,
    VALUES,
    check_settings,
    setting_cases,
)
from zimage_eval.benchmarks.machine.results import Rows
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.settings import GROUPS, KEYS
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, check_parts
from zimage_eval.model.memory import count_parameters
from zimage_eval.prompts.sets import load_prompt_set

SIZES: dict[str, dict[str, Any]] = {
    "transformer": {
        "in_channels": 16, "dim": 64, "n_layers": 2, "n_refiner_layers": 2, "n_heads": 2,
        "n_kv_heads": 2, "cap_feat_dim": 64, "axes_dims": [8, 12, 12],
        "axes_lens": [1536, 512, 512],
    },
    "text_encoder": {
        "vocab_size": 1000, "hidden_size": 64, "num_hidden_layers": 4, "intermediate_size": 128,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 32,
        "max_position_embeddings": 4096,
    },
    "vae": {**VAE, "block_out_channels": (32,) * 4, "layers_per_block": 1},
}  # fmt: skip


def test_sizes_are_those_published() -> None:
    with torch.device("meta"):
        parts = (
            ZImageTransformer2DModel(**TRANSFORMER),
            Qwen3Model(Qwen3Config(**TEXT_ENCODER)),
            AutoencoderKL(**VAE),
        )
    counts = [sum(value.numel() for value in part.parameters()) for part in parts]
    assert counts == [6_154_908_736, 4_022_468_096, 83_819_683]


def test_every_value_is_drawn_once() -> None:
    assert list(VALUES) == list(KEYS)
    neutral = make_settings().model_dump()
    for group, leaf in KEYS:
        values = VALUES[group, leaf]
        assert len(set(values)) == len(values) > 0
        assert neutral[group][leaf] not in values
        kind = GROUPS[group].model_fields[leaf].annotation
        if get_origin(kind) is Literal:
            assert set(values) == set(get_args(kind)) - {neutral[group][leaf]}
    cases = setting_cases(make_settings(), 64)
    assert len({case.settings for case in cases[:-1]}) == len({case.name for case in cases[:-1]})
    for case in cases:
        assert case.settings != case.reference, case.name


def test_a_random_model_runs_under_every_setting(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    write_random_model(folder, ROOT / "models" / "nano" / "tokenizer", torch.device("cpu"), SIZES)
    check_parts(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    assert weights_name(folder) == "random"
    assert count_parameters(folder, "transformer") > 0
    half = {"text_encoder": "bfloat16", "transformer": "bfloat16", "vae": "float32"}
    spec = ModelSpec.model_validate({**SPEC, "dtype": half})
    spec = spec.model_copy(update={"defaults": make_settings(num_inference_steps=2)})
    model = load_model(folder, spec, torch.device("cpu"))
    assert model.text_encoder.dtype == model.pipe.transformer.dtype == torch.bfloat16
    prompts = load_prompt_set(ROOT / "prompts" / "scenes")
    reported: list[Rows] = []
    fillers = spec.filler_sentences
    rows = check_settings(folder, model, prompts, fillers, 32, {"seconds": 1.0}, reported.append)
    assert reported
    assert rows["refiner_timestep=true"]["applies"] == (
        "not available: refiner_timestep true: this context refiner was trained without"
    )
    failed = {
        name: cells
        for name, cells in rows.items()
        if name not in ("loading", "refiner_timestep=true") and cells["applies"] != 1
    }
    assert failed == {}
    assert rows["table_length=2048"]["max_difference"] == 0
    assert rows["guidance_scale=1.0"]["num_forwards"] == 4
    assert rows[FULL_SIZE]["height"] == 64


@pytest.mark.parametrize("key", CHANGES_PICTURE)
def test_promises_are_about_settings(key: tuple[str, str]) -> None:
    assert key in KEYS
