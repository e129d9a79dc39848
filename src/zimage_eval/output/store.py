"""Pictures that were made before, found again by the key of all that decides their pixels.

A shortcut and nothing else: without it every stage writes the same bytes. It lies inside DVC's
cache directory, so that a killed stage, another study, branch or experiment reuses it.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from threading import Lock, get_ident

from zimage_eval.output.png import decode_png


def find_store_root(setting: str | None) -> Path | None:
    """Folder of the store: `setting`, else inside DVC's cache; None if `setting` is "off".

    Raises:
        ValueError: there is no DVC repository to ask.
    """
    if setting == "off":
        return None
    if setting:
        return Path(setting)
    answer = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        reason = " ".join(answer.stderr.split())
        raise ValueError(f"ZIMAGE_EVAL_STORE is not set to a folder or to off, and: {reason}")
    return Path(answer.stdout.strip()) / "zimage-eval-images"


class ImageStore:
    """PNG files by key, for any number of threads; with no folder it holds and keeps nothing."""

    def __init__(self, root: Path | None) -> None:
        """Use a folder, which need not exist yet."""
        self.root = root
        self._lock = Lock()
        self.num_found = 0
        """Files handed out so far."""

    def load(self, keys: Sequence[str]) -> list[bytes] | None:
        """The files of all keys, or None if one of them is missing or damaged."""
        if self.root is None:
            return None
        files = []
        for key in keys:
            path = self._path(self.root, key)
            if not path.is_file():
                return None
            data = path.read_bytes()
            try:
                decode_png(data)
            except ValueError:
                return None  # it is made again and replaced
            files.append(data)
        with self._lock:
            self.num_found += len(files)
        return files

    def save(self, keys: Sequence[str], files: Sequence[bytes]) -> None:
        """Keep files; each appears whole or not at all."""
        if self.root is None:
            return
        for key, data in zip(keys, files, strict=True):
            path = self._path(self.root, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{key}.{os.getpid()}.{get_ident()}.tmp")
            temporary.write_bytes(data)
            temporary.replace(path)

    @staticmethod
    def _path(root: Path, key: str) -> Path:
        return root / key[:2] / f"{key[2:]}.png"
