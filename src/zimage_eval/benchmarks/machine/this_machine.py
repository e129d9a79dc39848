"""Describe this machine: processor or GPU, memory, and versions of the libraries that compute."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from zimage_eval.config.frozen import Frozen

LIBRARIES = ("torch", "diffusers", "transformers")


class Machine(Frozen):
    """The machine of a measurement."""

    name: str
    """The GPU, or the processor if no GPU computed. Numbers of two names never share a column."""
    device: str
    """`cuda` or `cpu`."""
    num_cores: int
    num_threads: int
    """Threads that torch uses on the CPU."""
    memory_gib: float
    """Memory of the device that computed."""


def describe_machine() -> Machine:
    """This machine as torch sees it."""
    import torch

    from zimage_eval.model.devices import pick_device
    from zimage_eval.model.memory import GIB, device_bytes

    device = pick_device()
    is_gpu = device.type == "cuda"
    return Machine(
        name=torch.cuda.get_device_name(device) if is_gpu else _processor_name(),
        device=device.type,
        num_cores=len(os.sched_getaffinity(0)),
        num_threads=torch.get_num_threads(),
        memory_gib=round(device_bytes(device) / GIB, 1),
    )


def describe_versions() -> dict[str, str]:
    """Versions of the libraries that compute; torch's version also names its CUDA version."""
    import torch

    versions = {name: version(name) for name in LIBRARIES}
    return {**versions, "torch": str(torch.__version__), "python": platform.python_version()}


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
