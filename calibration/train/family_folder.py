"""A family as folders that diffusers and transformers load: `<name>-base` and `<name>`."""

import os
import shutil
from pathlib import Path
from typing import Final

import torch
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, ZImageTransformer2DModel
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import Qwen2Tokenizer, Qwen3Model

from zimage_eval.output.results import read_json, write_json

SHARED_PARTS: Final = ("vae", "text_encoder", "tokenizer")
"""Parts that base and turbo have in common: stored once, in the base's folder."""
_SHARD_BYTES: Final = 15 * 2**20
_MODEL_INDEX: Final = {
    "_class_name": "ZImagePipeline",
    "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
    "text_encoder": ["transformers", "Qwen3Model"],
    "tokenizer": ["transformers", "Qwen2Tokenizer"],
    "transformer": ["diffusers", "ZImageTransformer2DModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def save_part(folder: Path, part: AutoencoderKL | Qwen3Model | ZImageTransformer2DModel) -> None:
    """Save one part's weights in half precision, in shards of at most 15 MiB."""
    state = {key: value.half() for key, value in part.state_dict().items()}
    reduced = type(part).from_config(part.config) if hasattr(part, "from_config") else None
    if reduced is None:
        assert isinstance(part, Qwen3Model)
        reduced = Qwen3Model(part.config)
    reduced = reduced.half()
    reduced.load_state_dict(state)
    reduced.save_pretrained(folder, max_shard_size=_SHARD_BYTES)


def finish_folder(folder: Path, shift: float) -> None:
    """Add the scheduler and the index that makes the folder a ZImagePipeline."""
    FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=shift).save_pretrained(
        folder / "scheduler"
    )
    write_json(folder / "model_index.json", _MODEL_INDEX)


def link_shared_parts(base: Path, turbo: Path) -> None:
    """Give a model another's shared parts: real folders holding relative links to files."""
    for part in SHARED_PARTS:
        (turbo / part).mkdir(parents=True, exist_ok=True)
        for file in sorted((base / part).iterdir()):
            link = turbo / part / file.name
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(file.resolve(), link.parent.resolve()))


def copy_shared_parts(base: Path, copy: Path) -> None:
    """Give a model copies of another's shared parts, so that its folder can be moved."""
    for part in SHARED_PARTS:
        shutil.copytree(base / part, copy / part, dirs_exist_ok=True)


def load_vae(base: Path, device: torch.device) -> AutoencoderKL:
    """The saved autoencoder in fp32."""
    return AutoencoderKL.from_pretrained(base / "vae", dtype=torch.float32).to(device).eval()


def load_encoder_and_tokenizer(
    base: Path, device: torch.device
) -> tuple[Qwen3Model, Qwen2Tokenizer]:
    """The saved text encoder in fp32, and its tokenizer."""
    model = Qwen3Model.from_pretrained(base / "text_encoder", dtype=torch.float32)
    return model.to(device).eval(), Qwen2Tokenizer.from_pretrained(base / "tokenizer")


def load_transformer(folder: Path, device: torch.device) -> ZImageTransformer2DModel:
    """The saved transformer in fp32."""
    model = ZImageTransformer2DModel.from_pretrained(folder / "transformer", dtype=torch.float32)
    return model.to(device).eval()


def save_checkpoint(folder: Path, step: int, states: dict[str, dict[str, Tensor]]) -> None:
    """Save weights to go on from, in shards of at most 15 MiB; the step is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    flat = {f"{name}/{key}": v for name, state in states.items() for key, v in state.items()}
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for key, value in flat.items():
        num_bytes = value.numel() * value.element_size()
        if shards[-1] and size + num_bytes > _SHARD_BYTES:
            shards.append({})
            size = 0
        shards[-1][key] = value.detach().cpu().contiguous()
        size += num_bytes
    (folder / "step.json").unlink(missing_ok=True)
    for old in folder.glob("*.safetensors"):
        old.unlink()
    for number, shard in enumerate(shards):
        save_file(shard, folder / f"part-{number:02d}.safetensors")
    write_json(folder / "step.json", {"step": step})


def load_checkpoint(folder: Path) -> tuple[int, dict[str, dict[str, Tensor]]] | None:
    """Step and weights of a checkpoint; None where there is no whole one."""
    if not (folder / "step.json").is_file():
        return None
    states: dict[str, dict[str, Tensor]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        for key, value in load_file(path).items():
            name, parameter = key.split("/", 1)
            states.setdefault(name, {})[parameter] = value
    return read_json(folder / "step.json", TypeAdapter(dict[str, int]))["step"], states
