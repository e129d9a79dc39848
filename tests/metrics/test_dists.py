from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage import data
from torchmetrics.functional.image import dists as reference
from torchvision.models.vgg import cfgs, make_layers

from tests.support.repository import ROOT
from zimage_eval.metrics.dists import dists, load_dists

VGG = ROOT / "models" / "vgg16"


@pytest.fixture(scope="module")
def trunk() -> torch.nn.Sequential:
    """Random convolutions in VGG-16's shapes; the trained ones can't be had offline."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = make_layers(cfgs["D"], batch_norm=False)
        for layer in layers:
            if isinstance(layer, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(layer.weight)
    return layers.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def folder(trunk: torch.nn.Sequential, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vgg")
    weights = {f"features.{name}": value for name, value in trunk.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    return folder


@pytest.fixture(scope="module")
def network(folder: Path) -> torch.nn.Module:
    return load_dists(folder)


def pictures() -> list[np.ndarray]:
    return [np.ascontiguousarray(data.astronaut()[y : y + 64, 100:164]) for y in (0, 100, 200)]


def test_it_equals_torchmetrics_on_the_same_trunk(
    network: torch.nn.Module, trunk: torch.nn.Sequential, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "vgg16", lambda weights: SimpleNamespace(features=trunk))
    images, baselines = pictures(), [pictures()[0]] * 3
    first, second = (
        torch.from_numpy(np.stack(each)).permute(0, 3, 1, 2) / 255 for each in (images, baselines)
    )
    wanted = reference.deep_image_structure_and_texture_similarity(first, second)
    assert dists(images, baselines, network) == wanted.tolist()


@pytest.mark.skipif(
    not (VGG / "model.safetensors").is_file(), reason="VGG-16's trained weights are not shipped"
)
@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [("astronaut", 512, 0.3044), ("chelsea", 288, 0.4499), ("coffee", 384, 0.3224)],
)
def test_known_distances(name: str, side: int, expected: float) -> None:
    """Of a picture and itself with each 4 x 4 block replaced by its mean."""
    image = np.ascontiguousarray(getattr(data, name)()[:side, :side])
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
    blocks = torch.nn.functional.avg_pool2d(pixels, 4)
    averaged = torch.nn.functional.interpolate(blocks, scale_factor=4)
    with torch.inference_mode():
        distance = load_dists(VGG)(pixels, averaged).item()
    assert distance == pytest.approx(expected, abs=5e-5)


def test_alpha_and_beta_are_the_published_ones(network: torch.nn.Module) -> None:
    published = torch.load(reference._PATH_WEIGHT_DISTS, weights_only=True)
    assert torch.equal(network.get_parameter("alpha"), published["alpha"])
    assert torch.equal(network.get_parameter("beta"), published["beta"])


def test_identical_pictures_are_at_zero_and_order_does_not_matter(network: torch.nn.Module) -> None:
    images = pictures()
    assert dists(images, images, network) == pytest.approx([0, 0, 0], abs=1e-5)
    there = dists(images[:2], images[1:], network)
    assert dists(images[1:], images[:2], network) == pytest.approx(there, abs=1e-6)
    assert min(there) > 0.01 and max(there) <= 1
    assert dists(images[:1], images[1:2], network) == pytest.approx(there[:1], abs=1e-6)


def test_absent_or_other_weights_are_refused(tmp_path: Path, trunk: torch.nn.Sequential) -> None:
    with pytest.raises(ValueError, match=r"no VGG-16 trunk for DISTS .*IMAGENET1K_V1"):
        load_dists(tmp_path)
    weights = {f"features.{name}": value for name, value in trunk.state_dict().items()}
    missing = {name: w for name, w in weights.items() if name != "features.28.bias"}
    save_file(missing, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"features\.28\.bias is None, VGG-16 has"):
        load_dists(tmp_path)


def test_loading_leaves_the_random_state_and_floats_are_refused(
    folder: Path, network: torch.nn.Module
) -> None:
    before = torch.get_rng_state()
    load_dists(folder)
    assert torch.equal(torch.get_rng_state(), before)
    with pytest.raises(ValueError, match="float64"):
        dists([pictures()[0] / 255], [pictures()[0]], network)
