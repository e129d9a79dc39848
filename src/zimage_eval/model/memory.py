"""Whether a machine can hold a model, said before a weight is read."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.model.folder import count_parameters

GIB = 2**30
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def weight_bytes(folder: Path, dtype: DtypeSettings, parts: Sequence[str]) -> dict[str, int]:
    """Bytes of the weights of some parts of a model folder, in the formats they are run in.

    Parts without weights (tokenizer, scheduler) are left out.
    """
    formats: Mapping[str, str] = dict(dtype)  # a copy may name a format that no model is run in
    return {
        part: count_parameters(folder, part) * getattr(torch, name).itemsize
        for part, name in formats.items()
        if part in parts
    }


def check_memory(
    folder: Path, dtype: DtypeSettings, parts: Sequence[str], device: torch.device
) -> None:
    """Refuse parts whose weights alone are more than a device's memory.

    What is computed with them comes on top, by the size of images and batches, and is not counted.

    Raises:
        ValueError: says how many gigabytes are needed, for what, and how many there are.
    """
    wanted = weight_bytes(folder, dtype, parts)
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
