"""SHA-256 of files. Large ones are read once: a record beside each says what it was when read."""

import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zimage_eval.model.memory import read_header, refuse_pointer

RECORDED_BYTES = 256 * 2**20
"""Files from this size on have a record; smaller ones are read in less than half a second."""
SETTLED_NANOSECONDS = 2 * 10**9
"""A file that changed more recently has no record: clocks of file systems are coarse, so that it
might change once more at what looks like the same time."""


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hex digits, links followed; `joined_digest` of it alone."""
    return joined_digest([path])


def joined_digest(paths: Sequence[Path]) -> str:
    """SHA-256 of the bytes of files, one file after the other, in hex digits; links are followed.

    If they are large, it is kept in `.<name>.digest` beside the first, which git and DVC ignore. It
    holds for the same files alone: device, inode, size, and the times of the last change of content
    and of status. The last is one that no program can set back. Where the folder can't be written,
    there is no record.
    """
    before = [_identity(path) for path in paths]
    if sum(identity["size"] for identity in before) < RECORDED_BYTES:
        return _sha256(paths)
    record = record_of(paths[0])
    if record.is_file():
        content = json.loads(record.read_text(encoding="utf-8"))
        if content["identity"] == before:
            return str(content["sha256"])
    last_change = max(max(entry["mtime_ns"], entry["ctime_ns"]) for entry in before)
    is_settled = time.time_ns() - last_change > SETTLED_NANOSECONDS
    digest = _sha256(paths)
    is_unchanged = [_identity(path) for path in paths] == before
    if is_settled and is_unchanged and os.access(record.parent, os.W_OK):
        _write_whole(record, json.dumps({"identity": before, "sha256": digest}))
    return digest


def file_digests(paths: Iterable[Path]) -> list[str]:
    """`file_digest` of each file, several at a time."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(file_digest, paths))


def record_of(path: Path) -> Path:
    """The file that the digest of a large file, or of several from it on, is kept in."""
    return path.with_name(f".{path.name}.digest")


def differing_file(path: Path, digest: str, stated: str, where: str) -> str:
    """The words for a file of another digest: a pointer, cut off, or simply another file.

    Args:
        path: of the file.
        digest: that it has.
        stated: that it should have.
        where: that is stated.
    """
    try:
        refuse_pointer(path)
        if path.suffix == ".safetensors":
            read_header(path)
    except ValueError as error:
        return str(error)
    return f"{path}: has sha256 {digest}, {where} states {stated}"


def _identity(path: Path) -> dict[str, int]:
    status = path.stat()
    return {
        "device": status.st_dev,
        "inode": status.st_ino,
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
    }


def _write_whole(path: Path, text: str) -> None:
    """Write a file such that others see all of it or nothing."""
    part = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _sha256(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 24):
                digest.update(block)
    return digest.hexdigest()
