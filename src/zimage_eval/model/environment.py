"""What computed a result: the class of the device, its driver, Python and the libraries.

A stage that computes leaves this beside its data, in a file that no computing stage reads: another
machine changes the file and reruns nothing. Data that come out of a cache bring the file of the
machine that made them.
"""

import hashlib
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter

from zimage_eval.config.frozen import Frozen
from zimage_eval.output.results import read_json, write_json
from zimage_eval.output.store import Store, load_or_compute
from zimage_eval.output.stored.entry_keys import computed_by, entry_key

LIBRARIES = (
    "torch",
    "torchvision",
    "diffusers",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "scipy",
    "pillow",
    "pyarrow",
    "scikit-image",
    "scikit-learn",
    "lpips",
    "torchmetrics",
    "clean-fid",
)
"""Distributions whose code computes, draws or reads what a number rests on."""
ID_LENGTH = 8
"""Number of hex digits that name an environment."""
DRIVER_FILE = Path("/proc/driver/nvidia/version")
"""Where Linux tells the version of the loaded driver of NVIDIA GPUs."""


class Environment(Frozen):
    """What can change the last digits of a number although code and inputs are the same."""

    device: str
    """`device_class`: the GPU's name, or the instructions that torch uses on this CPU."""
    driver: str | None
    """Version of the GPU's driver; None on the CPU, or where Linux doesn't tell."""
    cuda: str | None
    """Version of CUDA and of cuDNN that torch was built with; None on the CPU."""
    python: str
    libraries: dict[str, str]
    """Distribution -> its version."""

    @property
    def id(self) -> str:
        """The beginning of a digest of all of it."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()[:ID_LENGTH]


class NamedEnvironment(Frozen):
    """An environment and the outputs that were computed in it."""

    environment: Environment
    computed: list[str]
    """Stages, with the study where a stage has several: `compute_scores/guidance`."""


def describe_environment() -> Environment:
    """What a stage on this machine computes with."""
    import torch

    from zimage_eval.model.devices import device_class, pick_device

    device = pick_device()
    is_gpu = device.type == "cuda"
    return Environment(
        device=device_class(device),
        driver=_driver_version() if is_gpu else None,
        cuda=f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}" if is_gpu else None,
        python=platform.python_version(),
        libraries={name: version(name) for name in LIBRARIES} | {"torch": str(torch.__version__)},
    )


def write_environment(path: Path) -> None:
    """Write what this machine computes with; the same machine writes the same bytes."""
    write_json(path, describe_environment().model_dump())


def write_stored_environment(path: Path, store: Store) -> None:
    """Write the same bytes, without torch where the store of results knows this machine."""
    key = entry_key(
        kind="environment",
        python=platform.python_version(),
        driver=_driver_version(),
        libraries={name: version(name) for name in LIBRARIES},
        **computed_by(__name__),
    )
    write_json(path, load_or_compute(store, key, lambda: describe_environment().model_dump()))


def read_environment(path: Path) -> Environment:
    """What `write_environment` wrote.

    Raises:
        ValueError: the file is missing or holds something else; names it.
    """
    return read_json(path, TypeAdapter(Environment), "no such environment")


def group_environments(environments: Mapping[str, Environment]) -> dict[str, NamedEnvironment]:
    """Id -> environment and what was computed in it.

    Args:
        environments: by what was computed. Equal ones become one.
    """
    computed: dict[str, list[str]] = {}
    for name, environment in environments.items():
        computed.setdefault(environment.id, []).append(name)
    return {
        key: NamedEnvironment(environment=environments[names[0]], computed=names)
        for key, names in sorted(computed.items())
    }


def write_environments(path: Path, environments: Mapping[str, NamedEnvironment]) -> None:
    """Write all environments that results come from, by id."""
    write_json(path, {key: named.model_dump() for key, named in environments.items()})


def read_environments(path: Path) -> dict[str, NamedEnvironment]:
    """What `write_environments` wrote.

    Raises:
        ValueError: the file is missing or holds something else; names it.
    """
    return read_json(path, TypeAdapter(dict[str, NamedEnvironment]), "no such environments")


def ids_of(environments: Mapping[str, NamedEnvironment], stage: str) -> list[str]:
    """Ids of the environments in which outputs of a stage were computed."""
    return [
        key
        for key, named in environments.items()
        if any(name.partition("/")[0] == stage for name in named.computed)
    ]


def _driver_version() -> str | None:
    if not DRIVER_FILE.is_file():
        return None
    match = re.search(r"Module.*?  ([\d.]+) ", DRIVER_FILE.read_text(encoding="utf-8"))
    return match[1] if match else None
