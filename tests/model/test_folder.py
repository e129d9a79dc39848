"""What a model can be asked for, what its folder must hold, and when its digest changes."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from diffusers import ZImagePipeline

from tests.support.models.tiny_model import PIXEL_MULTIPLE
from tests.support.projects.default_settings import make_settings
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.settings import Settings
from zimage_eval.model.folder import (
    IMAGE_PARTS,
    TEXT_PARTS,
    ModelLimits,
    check_image_size,
    check_parts,
    max_caption_tokens,
    padded_length,
    read_limits,
    unavailable_reason,
    weights_digest,
)
from zimage_eval.model.memory import count_parameters
from zimage_eval.model.transformer import load_image_side, view_transformer
from zimage_eval.text.encoder import load_text_side

PARTS = (*TEXT_PARTS, *IMAGE_PARTS)
FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")


@pytest.fixture
def folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "tiny"))


def test_limits_are_read_from_the_config_files(tiny_folder: Path) -> None:
    assert read_limits(tiny_folder) == ModelLimits(
        3, 1, False, PIXEL_MULTIPLE, 512 * PIXEL_MULTIPLE
    )


@pytest.mark.parametrize("table_length", [34, 65, 66, 1536, 1537, 1538])
def test_caption_limit_is_where_the_transformer_fails(tiny_folder: Path, table_length: int) -> None:
    pipe = load_image_side(tiny_folder, FLOAT32, torch.device("cpu"))
    asked = make_settings(table_length=table_length)
    transformer = view_transformer(pipe.transformer, asked)
    longest = max_caption_tokens(asked.rope)
    assert longest == {34: 32, 65: 32, 66: 64, 1536: 1504, 1537: 1504, 1538: 1536}[table_length]
    latents = [torch.zeros(16, 1, 4, 4)]
    with torch.no_grad():
        transformer(latents, torch.zeros(1), [torch.zeros(longest, 32)])
        with pytest.raises(IndexError):
            transformer(latents, torch.zeros(1), [torch.zeros(longest + 1, 32)])


def test_pixel_multiple_is_what_the_pipeline_asks_for(tiny_folder: Path) -> None:
    pipe = load_image_side(tiny_folder, FLOAT32, torch.device("cpu"))
    assert pipe.vae_scale_factor * 2 == PIXEL_MULTIPLE


def test_padded_length_is_the_next_multiple_of_32() -> None:
    assert [padded_length(n) for n in (1, 31, 32, 33, 64, 1504)] == [
        32,
        32,
        32,
        64,
        64,
        1504,
    ]


def test_size_that_cannot_be_divided_is_refused_with_the_multiple(tiny_folder: Path) -> None:
    limits = read_limits(tiny_folder)
    check_image_size(limits, make_settings(height=8, width=4096).image)
    with pytest.raises(ValueError, match=r"image\.width: 60 is not a multiple of 8"):
        check_image_size(limits, make_settings(width=60).image)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (make_settings(hidden_layer=3), None),
        (make_settings(hidden_layer=-4), None),
        (make_settings(hidden_layer=4), "hidden_layer 4: this text encoder has -4 to 3"),
        (make_settings(hidden_layer=-5), "hidden_layer -5: this text encoder has -4 to 3"),
        (make_settings(hidden_layer="raw_last"), None),
        (
            make_settings(hidden_layer=[-2, -5]),
            "hidden_layer -5: this text encoder has -4 to 3",
        ),
        (make_settings(chat_template=False), None),
        (
            make_settings(chat_template=False, guidance_scale=1.0),
            "negative_prompt '': has no tokens with chat_template false",
        ),
        (make_settings(chat_template=False, guidance_scale=1.0, negative_prompt="no"), None),
        (
            make_settings(dropped_refiner_layers=[1]),
            "dropped_refiner_layers 1: this context refiner has 0 to 0",
        ),
        (make_settings(dropped_refiner_layers=[0]), None),
        (
            make_settings(refiner_timestep=True),
            "refiner_timestep true: this context refiner was trained without",
        ),
        (make_settings(height=4096), None),
        (
            make_settings(height=4104),
            "height 4104: this transformer's positions end at 4096 pixels",
        ),
    ],
)
def test_levels_beyond_the_model_have_a_reason(
    tiny_folder: Path, asked: Settings, reason: str | None
) -> None:
    assert unavailable_reason(read_limits(tiny_folder), asked) == reason


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("model_index.json", "model_index.json: no such file; put or link"),
        ("transformer/config.json", "transformer/config.json: no such file; put or link"),
        ("vae/diffusion_pytorch_model.safetensors", "vae: holds no diffusion_pytorch_model.safe"),
        ("text_encoder/model.safetensors", "text_encoder: holds no model.safetensors or"),
        ("tokenizer/tokenizer.json", "tokenizer: holds no tokenizer.json or vocab.json"),
        ("scheduler/scheduler_config.json", "scheduler: holds no scheduler_config.json"),
    ],
)
def test_missing_file_is_named_with_its_place(folder: Path, file: str, message: str) -> None:
    check_parts(folder, PARTS)
    (folder / file).unlink()
    with pytest.raises(ValueError, match=message):
        check_parts(folder, PARTS)
    load = load_text_side if file.startswith(TEXT_PARTS) else load_image_side
    with pytest.raises(ValueError, match=message):
        load(folder, FLOAT32, torch.device("cpu"))


def test_missing_folder_dangling_link_and_missing_shard_are_named(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"z-image-turbo/model_index.json: no such file; put or"):
        check_parts(tmp_path / "z-image-turbo", PARTS)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.unlink()
    weights.symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(ValueError, match="transformer: holds no diffusion_pytorch_model"):
        check_parts(folder, PARTS)
    index = {"weight_map": {"a": "shard-1.safetensors", "b": "shard-2.safetensors"}}
    (folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json").write_text(
        json.dumps(index)
    )
    (folder / "transformer" / "shard-1.safetensors").touch()
    with pytest.raises(ValueError, match=r"transformer: holds no shard-2\.safetensors; put or"):
        check_parts(folder, PARTS)


def test_digest_changes_with_every_byte_that_is_loaded(folder: Path) -> None:
    digests = {weights_digest(folder, PARTS)}
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for path in files:
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        digests.add(weights_digest(folder, PARTS))
    assert len(digests) == len(files) + 1
    (folder / "README.md").write_text("about")
    (folder / "vae" / ".cache").write_text("x")
    assert weights_digest(folder, PARTS) in digests


def test_digest_follows_links_and_is_that_of_a_copy(folder: Path, tmp_path: Path) -> None:
    before = weights_digest(folder, IMAGE_PARTS)
    weights = folder / "vae" / "diffusion_pytorch_model.safetensors"
    target = weights.rename(tmp_path / "shared.safetensors")
    weights.symlink_to(target)
    assert weights_digest(folder, IMAGE_PARTS) == before
    check_parts(folder, IMAGE_PARTS)
    target.write_bytes(target.read_bytes()[::-1])
    assert weights_digest(folder, IMAGE_PARTS) != before


def test_image_digest_ignores_the_text_side(folder: Path) -> None:
    before = weights_digest(folder, IMAGE_PARTS)
    (folder / "text_encoder" / "config.json").write_text("{}")
    assert weights_digest(folder, IMAGE_PARTS) == before


def test_parameters_are_counted_without_loading_them(tiny_folder: Path) -> None:
    pipe = ZImagePipeline.from_pretrained(tiny_folder)
    for part in ("transformer", "vae", "text_encoder"):
        expected = sum(parameter.numel() for parameter in getattr(pipe, part).parameters())
        assert count_parameters(tiny_folder, part) == expected


def test_sides_load_the_same_weights_as_the_pipeline(tiny_folder: Path) -> None:
    pipe = ZImagePipeline.from_pretrained(tiny_folder)
    device = torch.device("cpu")
    text = load_text_side(tiny_folder, FLOAT32, device)
    image = load_image_side(tiny_folder, FLOAT32, device)
    assert type(text.tokenizer) is type(pipe.tokenizer)
    assert image.text_encoder is None and image.tokenizer is None
    for ours, theirs in (
        (text.text_encoder, pipe.text_encoder),
        (image.transformer, pipe.transformer),
        (image.vae, pipe.vae),
    ):
        assert type(ours) is type(theirs) and not ours.training
        for name, value in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[name], value)
