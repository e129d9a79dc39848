"""Keys of entries in the store, and what decides a result beside its inputs.

That is the code that computes it, the releases of the libraries and the kind of machine. None of it
needs torch, so that a stage which finds everything in the store starts at once.
"""

import hashlib
import json
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from zimage_eval.output.code_lists import CodeGraph

PACKAGE = Path(__file__).parents[2]
DISTRIBUTIONS = {"PIL": "pillow", "skimage": "scikit-image", "ruamel": "ruamel.yaml"}
"""Names under which packages are released, where these are not those of their modules."""
INDIRECT = ("numpy", "safetensors", "tokenizers", "torch", "torchvision", "transformers")
"""Packages that others call, and so no import names them."""
VECTOR_FLAGS = ("amx", "asimd", "avx", "bf16", "f16c", "fma", "sse", "sve")
"""Beginnings of the names of instructions by which a CPU's last bits differ."""
CHOOSERS = ("ATEN_CPU_CAPABILITY", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA")
"""Variables of the environment that choose among them."""
GPU_FILES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")
"""There where torch may find a GPU, on Linux."""


class Code(NamedTuple):
    """The code that a module needs to run."""

    digest: str
    libraries: tuple[str, ...]
    """Top-level modules of other packages that it imports."""


def entry_key(**facts: object) -> str:
    """The key of an entry: a digest of all facts that decide it, which JSON can hold."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def computed_by(module: str) -> dict[str, object]:
    """Code, libraries and machine by which a module of this package computes, as facts of a key."""
    code = module_code(module)
    return {
        "code": code.digest,
        "versions": {name: _version(name) for name in sorted({*code.libraries, *INDIRECT})},
        "machine": machine_class(),
    }


@cache
def module_code(module: str, package: Path = PACKAGE) -> Code:
    """All code that a module reaches by imports, those inside functions too.

    Comments, docstrings and layout don't change the digest (`output.code_lists`).

    Args:
        module: full name of a module of the package.
        package: its folder.
    """
    graph = CodeGraph(package.parent, {package.name: Path(package.name)})
    code_list = graph.code_list(module)
    names = {name.partition(".")[0] for name in graph.imported_names()}
    libraries = names - {package.name, ""} - sys.stdlib_module_names
    return Code(hashlib.sha256(code_list.encode()).hexdigest(), tuple(sorted(libraries)))


@cache
def machine_class() -> str:
    """The GPU's name, or the CPU's maker and vector instructions: others change last bits."""
    if not sys.platform.startswith("linux") or any(Path(file).exists() for file in GPU_FILES):
        import torch

        if torch.cuda.is_available():
            return torch.cuda.get_device_name()
    chosen = [f"{name}={os.environ[name]}" for name in CHOOSERS if name in os.environ]
    return " ".join(["cpu", platform.machine(), *_cpu_words(Path("/proc/cpuinfo")), *chosen])


def _cpu_words(path: Path) -> list[str]:
    """Maker and vector instructions of the first core, as Linux lists them; or what Python says."""
    if not path.is_file():
        return [platform.processor()]
    core = path.read_text(encoding="utf-8").partition("\n\n")[0]
    facts = dict(line.partition(":")[::2] for line in core.splitlines())
    words = {name.strip(): value.split() for name, value in facts.items()}
    maker = words.get("vendor_id", words.get("CPU implementer", []))
    flags = words.get("flags", words.get("Features", []))
    return [*maker, *sorted(flag for flag in flags if flag.startswith(VECTOR_FLAGS))]


def _version(name: str) -> str | None:
    """The release of a package; None if it is not installed."""
    try:
        return version(DISTRIBUTIONS.get(name, name))
    except PackageNotFoundError:
        return None
