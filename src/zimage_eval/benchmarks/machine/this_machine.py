"""What this machine is: processor or GPU, memory, versions of what computes."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

from zimage_eval.config.frozen import Frozen

LIBRARIES = ("torch", "diffusers", "transformers")


class Machine(Frozen):
    """What the figures were measured on."""

    name: str
    """Of what computed: the GPU, or the processor. Figures of two names never share a column."""
    device: str
    """`cuda` or `cpu`."""
    num_cores: int
    num_threads: int
    """That torch computed with on the CPU."""
    memory_gib: float
    """Of what computed."""


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
    """Versions of what computes; torch's own says for which CUDA it was built."""
    import torch

    found = {name: version(name) for name in LIBRARIES}
    return {**found, "torch": str(torch.__version__), "python": platform.python_version()}


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
