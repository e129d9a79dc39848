"""Check by the headers of weight files that they are whole and fit into a machine's memory."""

import json
import math
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError, safe_open

from zimage_eval.config.frozen import cut, parse, shown
from zimage_eval.config.model_spec import DtypeSettings

# torch takes seconds to import, and headers are read without it.
if TYPE_CHECKING:
    import torch

GIB = 2**30
WEIGHT_FILES = {
    "text_encoder": "model.safetensors",
    "transformer": "diffusion_pytorch_model.safetensors",
    "vae": "diffusion_pytorch_model.safetensors",
}
"""File of each part's weights; where they are in shards, the index is that name + `.index.json`."""
_FORMATS = ("F16", "BF16", "F32", "F64")
_POINTER = b"version https://git-lfs"
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


class _ShardIndex(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    weight_map: Annotated[dict[str, str], Field(min_length=1)]


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        ValueError: the file can't be read, or does not hold a JSON object; names it.
    """
    refuse_pointer(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {cut(str(error))}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must hold a JSON object, holds {shown(content)}")
    return content


def refuse_pointer(path: Path) -> None:
    """Refuse a Git LFS pointer, which stands in a large file's place until it is fetched.

    Raises:
        ValueError: the file is a pointer, or missing.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise ValueError(f"{path}: is a Git LFS pointer: fetch its content (git lfs pull)")


def part_files(folder: Path) -> list[Path]:
    """The safetensors files that a part of a model is loaded from, in the order of their names.

    Args:
        folder: of the part; its name is the part's.

    Raises:
        ValueError: the index of the shards is broken, a shard is missing, or there are both shards
            and a single file.
    """
    name, index = WEIGHT_FILES[folder.name], _index_of(folder)
    single = folder / name
    if not index.is_file():
        return [single]
    if single.is_file():
        raise ValueError(f"{folder}: holds both {name} and {index.name}; which one is meant?")
    names = sorted(set(parse(read_json_object(index), _ShardIndex, str(index)).weight_map.values()))
    missing = [shard for shard in names if not (folder / shard).is_file()]
    if missing:
        raise ValueError(
            f"{folder}: holds no {', '.join(missing)}; put or link the model's diffusers folder at "
            f"{folder.parent}"
        )
    return [folder / shard for shard in names]


def _index_of(folder: Path) -> Path:
    return folder / f"{WEIGHT_FILES[folder.name]}.index.json"


def read_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a part by name, from the headers of its files.

    Raises:
        ValueError: a file is not whole, or an index says of a tensor what its shards don't.
    """
    files = part_files(folder)
    headers = {path.name: read_header(path) for path in files}
    index = _index_of(folder)
    if index.is_file():
        places = parse(read_json_object(index), _ShardIndex, str(index)).weight_map
        held = [(name, shard) for shard, header in headers.items() for name in header]
        differing = sorted(places.items() ^ held)
        if differing:
            name, shard = differing[0]
            if places.get(name) == shard:
                raise ValueError(f"{index}: names {name} in {shard}, which has none")
            raise ValueError(f"{index}: does not name {name}, which {shard} holds")
    return {name: shape for header in headers.values() for name, shape in header.items()}


def read_header(path: Path) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of a safetensors file by name; only the header is read.

    Raises:
        ValueError: the file is missing, is no whole safetensors file, or holds other numbers than
            floating-point ones of 16 bits or more.
    """
    refuse_pointer(path)
    try:
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            for name, tensor in slices.items():
                if tensor.get_dtype() not in _FORMATS:  # FP8 weights lack scales that go with them
                    raise ValueError(f"{path}: {name} holds {tensor.get_dtype()} values")
            return {name: tuple(tensor.get_shape()) for name, tensor in slices.items()}
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"{path}: is no whole safetensors file of {path.stat().st_size} bytes, perhaps a "
            f"download that was cut off ({cut(str(error))})"
        ) from error


def check_weight_values(folder: Path) -> None:
    """Read every weight of a part: a file that was damaged may be as long as it should be.

    Raises:
        ValueError: a tensor holds NaN or infinity, or a matrix nothing but zeros, as where a
            download has left a hole; names file and tensor.
    """
    import torch

    for path in part_files(folder):
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                tensor = file.get_tensor(name)
                if not torch.isfinite(tensor).all():
                    raise ValueError(f"{path}: {name} holds NaN or infinity")
                # A vector, a bias or a padding token say, may be zero.
                if sum(size > 1 for size in tensor.shape) > 1 and not tensor.any():
                    raise ValueError(f"{path}: {name} holds nothing but zeros")


def refuse_tensors(folder: Path, model: str, problems: Mapping[str, Collection[str]]) -> None:
    """Raise the first problem with the tensors of a part, if there is any.

    Args:
        folder: of the part.
        model: name of the class that is made of the tensors.
        problems: names of tensors by what is wrong, such as "lacks".

    Raises:
        ValueError: names the file, the problem and a tensor.
    """
    single = folder / WEIGHT_FILES[folder.name]
    where = single if single.is_file() else folder
    for verb, names in problems.items():
        if names:
            raise ValueError(
                f"{where}: {verb} tensors of {model}: {len(names)}, such as {min(names)}"
            )


def count_parameters(folder: Path, part: str) -> int:
    """Number of values in the safetensors files of a part, from their headers."""
    if part not in WEIGHT_FILES:
        return 0
    return sum(count_file_parameters(path) for path in part_files(folder / part))


def count_file_parameters(path: Path) -> int:
    """Number of values in a safetensors file, from its header."""
    return sum(math.prod(shape) for shape in read_header(path).values())


def weight_bytes(folder: Path, dtype: DtypeSettings, parts: Sequence[str]) -> dict[str, int]:
    """Bytes of the weights of some parts of a model folder, by part, in the formats they run in.

    Parts without weights (tokenizer, scheduler) are left out.
    """
    import torch

    formats: Mapping[str, str] = dict(dtype)  # a copy may name a format that no model is run in
    return {
        part: count_parameters(folder, part) * getattr(torch, name).itemsize
        for part, name in formats.items()
        if part in parts
    }


def check_memory(
    folder: Path, dtype: DtypeSettings, parts: Sequence[str], device: "torch.device"
) -> None:
    """Refuse parts whose weights alone are larger than a device's memory.

    The memory of the computation, which depends on image and batch size, is not counted.

    Raises:
        ValueError: says how many gigabytes are needed, for what, and how many there are.
    """
    wanted = weight_bytes(folder, dtype, parts)
    needed, there = sum(wanted.values()), device_bytes(device)
    if needed > there:
        sizes = ", ".join(f"{part} {size / GIB:.1f}" for part, size in wanted.items())
        raise ValueError(
            f"{folder}: its weights need {needed / GIB:.1f} GiB ({sizes}); "
            f"this machine's {device.type} has {there / GIB:.1f} GiB"
        )


def device_bytes(device: "torch.device") -> int:
    """Bytes of memory of a GPU or of the machine; of a container, its limit where that is lower."""
    if device.type == "cuda":
        import torch

        return torch.cuda.get_device_properties(device).total_memory
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.is_file() else "max"
    return total if limit == "max" else min(total, int(limit))
