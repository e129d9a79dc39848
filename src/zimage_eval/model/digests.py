"""SHA-256 of files. Large ones are read once: a record beside each says what it was when read."""

import hashlib
import json
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zimage_eval.model.memory import read_header, refuse_pointer

RECORDED_BYTES = 256 * 2**20
"""Files from this size on have a record; smaller ones are read in less than half a second."""
SETTLED_NANOSECONDS = 2 * 10**9
"""A file that changed more recently has no record: clocks of file systems are coarse, so that it
might change once more at what looks like the same time."""


def file_digest(path: Path) -> str:
    """SHA-256 of a file in hex digits, links followed.

    A large file's digest is kept in `.<name>.digest` beside it, which git and DVC ignore. It holds
    for the same file alone: device, inode, size, and the times of the last change of its content
    and of its status. The last is one that no program can set back. Where the folder can't be
    written, there is no record.
    """
    if path.stat().st_size < RECORDED_BYTES:
        return _sha256(path)
    before, record = _identity(path), record_of(path)
    if record.is_file():
        content = json.loads(record.read_text(encoding="utf-8"))
        if content["identity"] == before:
            return str(content["sha256"])
    start = time.time_ns()
    digest = _sha256(path)
    is_settled = start - max(before["mtime_ns"], before["ctime_ns"]) > SETTLED_NANOSECONDS
    if is_settled and _identity(path) == before and os.access(path.parent, os.W_OK):
        _write_whole(record, json.dumps({"identity": before, "sha256": digest}))
    return digest


def file_digests(paths: Iterable[Path]) -> list[str]:
    """`file_digest` of each file, several at a time."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return list(pool.map(file_digest, paths))


def record_of(path: Path) -> Path:
    """The file that the digest of a large file is kept in."""
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
