"""Weights and configurations that are whole and yet not a model's: `check` names them."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.model.memory import check_weight_values
from zimage_eval.model.transformer import check_image_weights, load_image_side
from zimage_eval.text.encoder import check_text_side

FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
CPU = torch.device("cpu")
WEIGHTS = [
    "text_encoder/model.safetensors",
    "transformer/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
]


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "tiny"))


def check_whole(folder: Path) -> None:
    check_text_side(folder)
    check_image_weights(folder, ("transformer", "vae"))


def change_tensors(path: Path, change: Callable[[torch.Tensor], torch.Tensor], name: str) -> None:
    """Change the tensors of this name, or all of them."""
    tensors = load_file(path)
    changed = {k: change(v) if name in (k, "all") else v for k, v in tensors.items()}
    save_file(changed, path, metadata={"format": "pt"})


def set_values(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values))


@pytest.mark.parametrize("file", WEIGHTS)
@pytest.mark.parametrize(
    ("value", "words"),
    [(float("nan"), "NaN or infinity"), (float("-inf"), "NaN or infinity"), (0.0, "but zeros")],
)
def test_values_that_no_training_leaves_are_refused(
    folder: Path, file: str, value: float, words: str
) -> None:
    """As a damaged file of the right length holds them, or a download with a hole."""
    part = (folder / file).parent
    check_weight_values(part)
    name = max(k for k, tensor in load_file(folder / file).items() if tensor.squeeze().ndim > 1)
    change_tensors(folder / file, lambda tensor: torch.full_like(tensor, value), name)
    with pytest.raises(ValueError, match=f"{re.escape(name)} holds .*{words}"):
        check_weight_values(part)


@pytest.mark.parametrize("file", WEIGHTS)
@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_eight_bit_weights_are_refused_and_half_ones_are_not(
    folder: Path, file: str, dtype: torch.dtype
) -> None:
    change_tensors(folder / file, lambda tensor: tensor.bfloat16(), "all")
    check_whole(folder)
    change_tensors(folder / file, lambda tensor: tensor.to(dtype), "all")
    with pytest.raises(ValueError, match=f"{re.escape(file)}: .* holds F8_E"):
        check_whole(folder)


@pytest.mark.parametrize(
    ("file", "values", "words"),
    [
        ("transformer/config.json", {"rope_tetha": 1.0}, "did you mean 'rope_theta'?"),
        ("transformer/config.json", {"_class_name": "Flux"}, "is of 'Flux', "),
        ("vae/config.json", {"quantization_config": {}}, "unknown key 'quantization_config'"),
        ("scheduler/scheduler_config.json", {"_class_name": "DDIMScheduler"}, "is of 'DDIM"),
        ("scheduler/scheduler_config.json", {"use_dynamic_shifting": True}, "sampler.shift would"),
        ("scheduler/scheduler_config.json", {"use_karras_sigmas": True}, "sampler.shift would"),
        ("scheduler/scheduler_config.json", {"shift_terminal": 0.1}, "sampler.shift would"),
        ("model_index.json", {"scheduler": ["diffusers", "DDIMScheduler"]}, "no class is 'DDIM"),
    ],
)
def test_a_configuration_of_another_thing_is_refused(
    folder: Path, file: str, values: dict[str, object], words: str
) -> None:
    set_values(folder / file, **values)
    with pytest.raises(ValueError, match=re.escape(words)) as refusal:
        load_image_side(folder, FLOAT32, CPU)
    assert str(refusal.value).startswith(f"{folder / file}: ")


def test_another_text_encoders_configuration_is_refused(folder: Path) -> None:
    set_values(folder / "text_encoder" / "config.json", model_type="llama")
    with pytest.raises(ValueError, match="model_type 'llama' is none of Qwen3Model"):
        check_text_side(folder)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("a constant", "writes nothing around the prompt, or no prompt"),
        ("{% for x %}", "can't be applied (TemplateSyntaxError"),
        ("{{ raise_exception('no') }}", "can't be applied (TemplateError: no)"),
    ],
)
def test_a_chat_template_without_the_prompt_is_refused(
    folder: Path, template: str, words: str
) -> None:
    (folder / "tokenizer" / "chat_template.jinja").write_text(template)
    with pytest.raises(ValueError, match=re.escape(words)):
        check_text_side(folder)


def test_a_mark_that_is_no_token_is_refused(folder: Path) -> None:
    path = folder / "tokenizer" / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["added_tokens"] = []
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"tokenizer: <\|im_start\|> is no token of its own"):
        check_text_side(folder)
