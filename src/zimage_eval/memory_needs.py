"""Whether a machine can hold a model, said before a weight is read."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from zimage_eval.model_folder import count_parameters
from zimage_eval.params import DtypeSettings

GIB = 2**30
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def weight_bytes(folder: Path, dtype: DtypeSettings) -> dict[str, int]:
    """Bytes of the weights of each part of a model folder, in the formats it is run in."""
    formats: Mapping[str, str] = dtype.model_dump()
    return {
        part: count_parameters(folder, part) * getattr(torch, name).itemsize
        for part, name in formats.items()
    }


def check_memory(
    folder: Path, dtype: DtypeSettings, parts: Sequence[str], device: torch.device
) -> None:
    """Refuse parts whose weights alone are more than a device's memory.

    Parts without weights (tokenizer, scheduler) need none. Activations come on top: about 4 GiB for
    an image of 1024 x 1024, which is not part of the check because smaller ones need less.

    Raises:
        ValueError: says how many gigabytes are needed, for what, and how many there are.
    """
    wanted = {part: size for part, size in weight_bytes(folder, dtype).items() if part in parts}
    needed, there = sum(wanted.values()), device_bytes(device)
    if needed > there:
        each = ", ".join(f"{part} {size / GIB:.1f}" for part, size in wanted.items())
        raise ValueError(
            f"{folder}: its weights need {needed / GIB:.1f} GiB ({each}); "
            f"this machine's {device.type} has {there / GIB:.1f} GiB"
        )


def device_bytes(device: torch.device) -> int:
    """Memory of a GPU, or of the machine; a container's limit counts as the machine's."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.is_file() else "max"
    return total if limit == "max" else min(total, int(limit))
