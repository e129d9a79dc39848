"""Random convolutions in VGG-16's shapes; the trained ones are not shipped."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torchvision.models.vgg import cfgs, make_layers


def write_random_vgg(folder: Path) -> None:
    """Write model.safetensors into a folder, which is made; the same in every call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = make_layers(cfgs["D"], batch_norm=False)
    weights = {f"features.{name}": value for name, value in layers.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors")
