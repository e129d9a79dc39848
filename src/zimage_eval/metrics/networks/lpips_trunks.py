"""LPIPS networks, on AlexNet or VGG-16 trunks that are loaded from files."""

import hashlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from zimage_eval.config.measuring import ALEXNET_SHA256

if TYPE_CHECKING:
    import lpips


def load_lpips(folder: Path) -> "lpips.LPIPS":
    """LPIPS v0.1 "alex" in eval mode: the package's heads on the ImageNet trunk in `folder`.

    Raises:
        ValueError: the trunk's file is missing or has another digest; a random trunk is never used.
    """
    return _load("alex", alexnet_file(folder))


def alexnet_file(folder: Path) -> Path:
    """Path of the AlexNet trunk in `folder`.

    Raises:
        ValueError: the file is missing or has another digest.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ValueError(f"no LPIPS trunk at {path}; {folder}/README.md says how it is made")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != ALEXNET_SHA256:
        raise ValueError(f"{path} has sha256 {digest}, expected {ALEXNET_SHA256}")
    return path


def load_lpips_vgg(folder: Path) -> "lpips.LPIPS":
    """LPIPS v0.1 "vgg" in eval mode, on the VGG-16 trunk in `folder`.

    `model.safetensors` holds torchvision's ImageNet convolutions `features.{0..28}.{weight,bias}`.

    Raises:
        ValueError: the file is missing or lacks a convolution.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ValueError(f"no VGG-16 trunk for LPIPS at {path}")
    return _load("vgg", path)


def _load(net: Literal["alex", "vgg"], path: Path) -> "lpips.LPIPS":
    import lpips
    import torch
    from safetensors.torch import load_file

    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")  # torchvision's, about how lpips spells `weights=None`
        network = lpips.LPIPS(net=net, version="0.1", pnet_rand=True, verbose=False)
    trunk = load_file(path)
    # lpips cuts torchvision's `features` into slices: slice2.3 is features.3
    places = {
        name: f"features.{name.split('.', 1)[1]}" for name in dict(network.net.named_parameters())
    }
    missing = sorted(set(places.values()) - trunk.keys())
    if missing:
        raise ValueError(f"{path} lacks {missing[0]}")
    network.net.load_state_dict({name: trunk[place] for name, place in places.items()})
    return network.eval().requires_grad_(False)
