"""DISTS: structure and texture distance (Ding et al. 2020) between pictures of one size."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


def load_dists(folder: Path) -> "torch.nn.Module":
    """Torchmetrics' DISTS with its alpha and beta, on the VGG-16 trunk in `folder`, in eval mode.

    `model.safetensors` holds torchvision's ImageNet convolutions `features.{0..28}.{weight,bias}`.

    Raises:
        ValueError: the file is missing, or holds other names or shapes; no trunk is ever random.
    """
    path = folder / "model.safetensors"
    if not path.is_file():
        raise ValueError(
            f"no VGG-16 trunk for DISTS at {path}; save the `features.*` tensors of torchvision's"
            " vgg16(weights='IMAGENET1K_V1') there, or use lpips, which works offline"
        )
    from safetensors.torch import load_file

    weights = {name: value for name, value in load_file(path).items() if name[:9] == "features."}
    return _network(weights, path)


def _network(weights: dict[str, "torch.Tensor"], path: Path) -> "torch.nn.Module":
    from types import SimpleNamespace
    from unittest.mock import patch

    import torch
    from torchmetrics.functional.image import dists as reference
    from torchvision.models.vgg import cfgs, make_layers

    with torch.random.fork_rng():  # its random weights are overwritten
        trunk = make_layers(cfgs["D"], batch_norm=False)
    shapes = {f"features.{name}": value.shape for name, value in trunk.state_dict().items()}
    for name in sorted(shapes.keys() | weights.keys()):
        shape = weights[name].shape if name in weights else None
        if shape != shapes.get(name):
            raise ValueError(f"{path}: {name} is {shape}, VGG-16 has {shapes.get(name)}")
    trunk.load_state_dict({name.removeprefix("features."): w for name, w in weights.items()})
    # The constructor always downloads torchvision's VGG-16, so that function is replaced.
    vgg = SimpleNamespace(features=trunk)
    with patch.object(reference, "vgg16", lambda weights: vgg), torch.random.fork_rng():
        network: Any = reference.DISTSNetwork(load_weights=True)
    return network.eval().requires_grad_(False)


def dists(
    images: Sequence[np.ndarray], baselines: Sequence[np.ndarray], network: "torch.nn.Module"
) -> list[float]:
    """Distance of each pair of (height, width, 3) uint8 pictures: 0 for identical ones, at most 1.

    Pictures are not resized (the authors scale the shorter side to 256), so distances at different
    sizes can't be compared.

    Args:
        images: of one size.
        baselines: one for each image, of the same size.
        network: from `load_dists`.

    Raises:
        ValueError: other arrays, or pictures of several sizes.
    """
    import torch

    device = next(network.parameters()).device
    with torch.inference_mode():
        distances = network(_unit_range(images).to(device), _unit_range(baselines).to(device))
    return [float(distance) for distance in distances.flatten()]


def _unit_range(images: Sequence[np.ndarray]) -> "torch.Tensor":
    """(num_images, 3, height, width) float32 in [0, 1], the input range of the network."""
    import torch

    stacked = np.stack(images)
    if stacked.dtype != np.uint8 or stacked.ndim != 4 or stacked.shape[-1] != 3:
        raise ValueError(f"want uint8 (height, width, 3), got {stacked.dtype} {stacked.shape[1:]}")
    return torch.from_numpy(stacked).permute(0, 3, 1, 2).float() / 255
