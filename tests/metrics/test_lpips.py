import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from skimage import data
from torch.nn import functional
from torchmetrics.functional.image.lpips import _LPIPS

from tests.support.models.random_vgg import write_random_vgg
from tests.support.repository import ROOT
from zimage_eval.metrics.lpips import lpips_distances, lpips_input
from zimage_eval.metrics.networks.lpips_trunks import load_lpips, load_lpips_vgg

if TYPE_CHECKING:
    import lpips

TRUNK = ROOT / "models" / "lpips-alexnet"
VGG = ROOT / "models" / "vgg16"
needs_vgg = pytest.mark.skipif(
    not (VGG / "model.safetensors").is_file(), reason="VGG-16's trained weights are not shipped"
)


@pytest.fixture(scope="module")
def network() -> "lpips.LPIPS":
    return load_lpips(TRUNK)


def averaged(image: np.ndarray) -> torch.Tensor:
    """The picture in [-1, 1], each 4 x 4 block replaced by its mean."""
    pixels = lpips_input([image])
    return functional.interpolate(functional.avg_pool2d(pixels, 4), scale_factor=4)


@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [("astronaut", 512, 0.3664), ("chelsea", 288, 0.5330), ("coffee", 384, 0.3426)],
)
def test_known_distances(network: "lpips.LPIPS", name: str, side: int, expected: float) -> None:
    image = np.ascontiguousarray(getattr(data, name)()[:side, :side])
    with torch.inference_mode():
        distance = network(lpips_input([image]), averaged(image)).item()
    assert distance == pytest.approx(expected, abs=5e-5)


@pytest.fixture(scope="module")
def vgg_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vgg")
    write_random_vgg(folder)
    return folder


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_they_equal_torchmetrics_on_the_same_trunk(net: str, vgg_folder: Path) -> None:
    """Which has heads of its own, and an epsilon at another place."""
    ours = load_lpips(TRUNK) if net == "alex" else load_lpips_vgg(vgg_folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's
        theirs = _LPIPS(pretrained=True, net=net, pnet_rand=True, eval_mode=True)
    theirs.net.load_state_dict(ours.net.state_dict())
    images = [np.ascontiguousarray(data.astronaut()[y : y + 64, 100:164]) for y in (0, 100)]
    with torch.inference_mode():
        wanted = theirs(lpips_input(images[:1]), lpips_input(images[1:])).item()
    [distance] = lpips_distances(images[:1], images[1:], ours)
    assert distance == pytest.approx(wanted, abs=1e-4) and distance > 0.01


def test_a_vgg_trunk_that_lacks_a_part_is_refused(vgg_folder: Path, tmp_path: Path) -> None:
    weights = load_file(vgg_folder / "model.safetensors")
    del weights["features.28.bias"]
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"lacks features\.28\.bias"):
        load_lpips_vgg(tmp_path)
    with pytest.raises(ValueError, match="no VGG-16 trunk"):
        load_lpips_vgg(tmp_path / "none")


@needs_vgg
@pytest.mark.parametrize(
    ("name", "side", "expected"),
    [("astronaut", 512, 0.4374), ("chelsea", 288, 0.5403), ("coffee", 384, 0.4545)],
)
def test_known_distances_on_vgg(name: str, side: int, expected: float) -> None:
    image = np.ascontiguousarray(getattr(data, name)()[:side, :side])
    with torch.inference_mode():
        distance = load_lpips_vgg(VGG)(lpips_input([image]), averaged(image)).item()
    assert distance == pytest.approx(expected, abs=5e-5)


def test_a_batch_gives_each_pairs_own_distance(network: "lpips.LPIPS") -> None:
    images = [np.ascontiguousarray(data.astronaut()[y : y + 64, :64]) for y in (0, 100, 200)]
    baselines = [images[0], images[0], images[1]]
    distances = lpips_distances(images, baselines, network)
    assert distances[0] == 0.0
    alone = [lpips_distances([a], [b], network)[0] for a, b in zip(images, baselines, strict=True)]
    assert distances == pytest.approx(alone, abs=1e-6)
    assert lpips_distances(baselines, images, network) == pytest.approx(distances, abs=1e-6)


def test_input_spans_minus_one_to_one() -> None:
    ends = np.array([[[0, 0, 0], [255, 255, 255]]], dtype=np.uint8)
    assert lpips_input([ends]).unique().tolist() == [-1.0, 1.0]
    with pytest.raises(ValueError, match="float32"):
        lpips_input([ends.astype(np.float32)])


def test_every_parameter_is_the_trained_one(network: "lpips.LPIPS") -> None:
    """Two loads agree to the bit, which a parameter left random would not."""
    torch.manual_seed(1)
    state = torch.get_rng_state()
    again = load_lpips(TRUNK).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)


def test_a_missing_or_changed_trunk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no LPIPS trunk"):
        load_lpips(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"another file")
    with pytest.raises(ValueError, match="sha256"):
        load_lpips(tmp_path)
