import hashlib
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.support.repository import ROOT
from zimage_eval.config.measuring import BackboneName, PinnedFile
from zimage_eval.metrics.networks.backbones import backbone_path, clean_resize, load_backbone
from zimage_eval.metrics.networks.files import INCEPTION_FILE
from zimage_eval.metrics.networks.lpips_trunks import load_lpips
from zimage_eval.metrics.sets.frechet import frechet_distance
from zimage_eval.metrics.sets.kernel import cmmd, kid_score

CPU = torch.device("cpu")
TRUNK = ROOT / "models" / "lpips-alexnet"


def pictures(num_images: int = 5, side: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (num_images, 3, side, side), generator=generator).byte()


class Standin(nn.Module):
    """As clean-fid's file is built: `layers` after its resize, called with `return_features`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 2048, 16, 16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    def forward(self, pixels: Tensor, return_features: bool = False) -> Tensor:
        return self.layers(pixels)


@pytest.fixture(scope="module")
def inception(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inception")
    with torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit's, about its age
        torch.manual_seed(0)
        torch.jit.script(Standin().eval()).save(str(folder / INCEPTION_FILE))
    return folder


def test_alexnet_works_offline_and_reads_any_size() -> None:
    backbone = load_backbone("alexnet", TRUNK, CPU)
    features = backbone.features(pictures())
    assert features.shape == (5, 256) and features.dtype == np.float32
    assert (features >= 0).all() and features.std(axis=0).max() > 0
    assert np.array_equal(features, load_backbone("alexnet", TRUNK, CPU).features(pictures()))
    alone = np.concatenate([backbone.features(image[None]) for image in pictures()])
    assert features == pytest.approx(alone, abs=1e-4)
    signature = backbone.signature
    assert signature.name == "alexnet" and signature.resize == "Pillow mode F bicubic to 128x128"
    digest = hashlib.sha256((TRUNK / "model.safetensors").read_bytes()).hexdigest()
    assert signature.weights_sha256 == digest
    large = pictures(2, 300)
    assert backbone.features(large[:, :, :200]).shape == (2, 256)


def test_alexnet_is_the_trunk_of_lpips() -> None:
    lpips = load_lpips(TRUNK)
    pixels = clean_resize(pictures(), 128)
    with torch.inference_mode():
        wanted = lpips.net(lpips.scaling_layer(pixels / 127.5 - 1)).relu5.mean(dim=(2, 3))
    features = load_backbone("alexnet", TRUNK, CPU).features(pictures())
    assert features == pytest.approx(wanted.numpy(), abs=1e-5)
    assert wanted.max() > 1


def test_alexnets_features_feed_every_distance() -> None:
    backbone = load_backbone("alexnet", TRUNK, CPU)
    dark, light = backbone.features(pictures(8) // 4), backbone.features(pictures(8))
    for distance in (frechet_distance, cmmd, lambda a, b: kid_score(a, b, seed=0).value):
        assert distance(dark, light) > abs(distance(dark, dark)) + 1e-3


def test_inception_is_clean_fids(inception: Path) -> None:
    """On a stand-in network: its wrapper over its own resize gives the same features."""
    from cleanfid.inception_torchscript import InceptionV3W
    from cleanfid.resize import build_resizer

    images = pictures(3, 80)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        reference = InceptionV3W(str(inception), download=False).eval()
        resized = [build_resizer("clean")(x.permute(1, 2, 0).numpy()) for x in images]
        wanted = reference(torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2).contiguous())
        for path in (inception, inception / INCEPTION_FILE):
            backbone = load_backbone("inception", path, CPU)
            assert np.array_equal(backbone.features(images), wanted.numpy())
    assert backbone.features(images).shape == (3, 2048)
    digest = hashlib.sha256((inception / INCEPTION_FILE).read_bytes()).hexdigest()
    assert backbone.signature.weights_sha256 == digest


def test_the_vae_is_the_models_own_view(tiny_folder: Path) -> None:
    """Mean and standard deviation of each of 16 latent channels, at the autoencoder's own size."""
    backbone = load_backbone("vae", tiny_folder / "vae", CPU)
    features = backbone.features(pictures())
    assert features.shape == (5, 32) and backbone.side == 32
    assert (features[:, 16:] > 0).all()
    level = torch.full((1, 3, 32, 32), 90, dtype=torch.uint8)
    from diffusers import AutoencoderKL

    from zimage_eval.model.autoencoder import encode_images

    vae = AutoencoderKL.from_pretrained(tiny_folder / "vae").eval()
    latents = encode_images(vae, level, generator=None)[0].flatten(start_dim=1)
    wanted = torch.cat([latents.mean(dim=1), latents.std(dim=1, unbiased=False)])
    assert backbone.features(level)[0] == pytest.approx(wanted.numpy(), abs=1e-5)


def test_a_declared_file_is_found_and_must_be_the_one_declared(
    inception: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = {"alexnet": TRUNK, "vae": tmp_path}
    file = inception / INCEPTION_FILE
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    declared = PinnedFile(path=str(inception), sha256=digest)
    assert backbone_path("alexnet", shipped, {}) == TRUNK
    assert backbone_path("inception", shipped, {"inception": declared}) == inception
    nowhere = PinnedFile(path=None, sha256=digest)  # where clean-fid keeps it
    monkeypatch.setattr("zimage_eval.metrics.networks.files.CLEAN_FID_FOLDER", inception)
    assert backbone_path("inception", shipped, {"inception": nowhere}) == inception
    monkeypatch.setattr("zimage_eval.metrics.networks.files.CLEAN_FID_FOLDER", tmp_path)
    with pytest.raises(ValueError, match=rf"no inception weights at {tmp_path}/"):
        backbone_path("inception", shipped, {"inception": nowhere})
    with pytest.raises(ValueError, match="null is for inception and ocr alone"):
        backbone_path("clip", shipped, {"clip": nowhere})
    other = PinnedFile(path=str(inception), sha256="0" * 64)
    with pytest.raises(ValueError, match=rf"networks\.inception: .* {digest}, declared is 0"):
        backbone_path("inception", shipped, {"inception": other})


def test_absent_weights_are_refused_with_instructions(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no inception .* fetch inception` .*alexnet"):
        load_backbone("inception", tmp_path, CPU)
    with pytest.raises(ValueError, match=r"zimage_eval fetch clip` puts them into models/clip"):
        load_backbone("clip", tmp_path, CPU)
    with pytest.raises(ValueError, match=r"zimage_eval fetch dinov2`"):
        load_backbone("dinov2", tmp_path, CPU)
    with pytest.raises(ValueError, match="no LPIPS trunk"):
        load_backbone("alexnet", tmp_path, CPU)
    with pytest.raises(ValueError, match="no vae weights"):
        load_backbone("vae", tmp_path, CPU)


def test_clip_and_dinov2_load_from_a_folder(tmp_path: Path) -> None:
    from transformers import (
        CLIPVisionConfig,
        CLIPVisionModelWithProjection,
        Dinov2Config,
        Dinov2Model,
    )

    size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    clip = CLIPVisionConfig(
        **size, intermediate_size=16, image_size=32, patch_size=16, projection_dim=8
    )
    CLIPVisionModelWithProjection(clip).save_pretrained(tmp_path / "clip")
    Dinov2Model(Dinov2Config(**size, image_size=28, patch_size=14)).save_pretrained(
        tmp_path / "dinov2"
    )
    expected: dict[BackboneName, tuple[int, int]] = {"clip": (8, 32), "dinov2": (16, 224)}
    for name, (num_features, side) in expected.items():
        backbone = load_backbone(name, tmp_path / name, CPU)
        features = backbone.features(pictures())
        assert features.shape == (5, num_features) and np.isfinite(features).all()
        assert np.array_equal(
            features, load_backbone(name, tmp_path / name, CPU).features(pictures())
        )
        assert backbone.side == side
        digest = hashlib.sha256((tmp_path / name / "model.safetensors").read_bytes()).hexdigest()
        assert backbone.signature.weights_sha256 == digest


def test_weights_that_lack_a_part_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28)
    Dinov2Model(config).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["layernorm.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 weights of Dinov2Model: layernorm\.weight"):
        load_backbone("dinov2", tmp_path, CPU)
