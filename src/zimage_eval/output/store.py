"""The store: what was drawn, encoded, measured before, under a key of everything that decides it.

It only saves time. Without it every stage writes the same bytes, and if it can't be read or
written, a warning is printed and the work is done. It lies inside DVC's cache directory, so that a
rerun of a killed stage, another study, branch or experiment uses it too.

Each entry ends in a digest of its key and its bytes. An entry whose digest does not match is made
again and replaced: a file that is cut off, damaged or edited, or lies under another picture's key,
and an entry of an earlier version, which has no digest. This protects from accidents, not from
people: whoever may write into the store can write a digest too.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock, get_ident
from typing import Any, NamedTuple, TypeVar

Parsed = TypeVar("Parsed")

OFF = ("off", "0", "false", "no", "none")
"""What switches the store off, in any case."""
NO_FOLDER = ("1", "auto", "default", "on", "true", "yes")
"""What nobody means as the name of a folder; `./on` is one."""
DIGEST_LENGTH = 64


class StoreKind(NamedTuple):
    """A kind of entries."""

    name: str
    folder: str
    """Of its entries, in the store's. Pictures lie in the store's own, as they always did."""
    suffix: str
    """Of its files' names."""
    title: str
    """Begins a warning."""
    consequence: str
    """What comes of it that an entry can't be used."""


IMAGES = StoreKind("images", "", ".png", "image store", "pictures are drawn without it")
ENCODINGS, FEATURES, SCORES, WORDINGS, RESULTS = (
    StoreKind(name, name, suffix, f"store of {name}", f"{name} are computed without it")
    for name, suffix in (
        ("encodings", ".safetensors"),
        ("features", ".safetensors"),
        ("scores", ".json"),
        ("wordings", ".json"),
        ("results", ".json"),
    )
)
KINDS = (IMAGES, ENCODINGS, FEATURES, SCORES, WORDINGS, RESULTS)


def find_store_root(setting: str | None, folder: Path = Path()) -> Path | None:
    """Folder of the store: `setting`, else inside DVC's cache; None if it is switched off.

    Args:
        setting: a folder, `~` being the home folder, or "off"; None or nothing leaves it to DVC.
        folder: of the project, where DVC is asked.

    Raises:
        ValueError: `setting` is no folder's name, or there is no DVC repository to ask.
    """
    setting = (setting or "").strip()
    if setting.lower() in OFF:
        return None
    if setting:
        return _given_root(setting)
    return folder / _ask_dvc(folder.absolute()) / "zimage-eval-images"


@cache
def _ask_dvc(folder: Path) -> str:
    """DVC's cache directory, as it names it in a folder; it takes half a second to answer."""
    answer = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        reason = " ".join(answer.stderr.split())
        raise ValueError(f"ZIMAGE_EVAL_STORE is not set to a folder or to off, and: {reason}")
    return answer.stdout.strip()


def open_store(folder: Path) -> "ImageStore":
    """The image store of the project in `folder`, where ZIMAGE_EVAL_STORE or DVC says that it is.

    Raises:
        ValueError: as `find_store_root`.
    """
    return ImageStore(store_root(folder))


def open_kind(folder: Path, kind: StoreKind) -> "Store":
    """The store of another kind of entries, at the same place."""
    return Store(store_root(folder), kind)


def store_root(folder: Path) -> Path | None:
    """Folder of the store of the project in `folder`; None if it is switched off.

    Raises:
        ValueError: as `find_store_root`.
    """
    return find_store_root(os.environ.get("ZIMAGE_EVAL_STORE"), folder)


def load_or_compute(store: "Store", key: str, compute: Callable[[], Any]) -> Any:  # noqa: ANN401
    """What JSON can hold, from the store or computed and kept; tuples come back as lists."""
    if stored := store.load([key], json.loads):
        return stored[0]
    value = compute()
    store.save([key], [json.dumps(value, ensure_ascii=False).encode()])
    return value


def _given_root(setting: str) -> Path:
    if setting.lower() in NO_FOLDER or setting.startswith("$") or "://" in setting:
        raise ValueError(
            f"ZIMAGE_EVAL_STORE: {setting!r} must be a folder or off; a folder of that name is "
            f"./{setting}"
        )
    try:
        return Path(setting).expanduser()
    except RuntimeError as error:
        raise ValueError(f"ZIMAGE_EVAL_STORE: {setting!r}: {error}") from error


class Store:
    """Files of one kind by key, for any number of threads; with no folder it keeps nothing.

    What goes wrong with its files is told on stderr, once a kind of error, and is never an error.
    """

    def __init__(self, root: Path | None, kind: StoreKind) -> None:
        """Use a folder, which need not exist yet, for entries of a kind."""
        self.root = root
        self.kind = kind
        self._lock = Lock()
        self._warned: set[str] = set()
        self.num_found = 0
        """Files handed out so far."""
        self.used_keys: set[str] = set()
        """Of the files that were handed out or kept."""

    def load(self, keys: Sequence[str], parse: Callable[[bytes], Parsed]) -> list[Parsed] | None:
        """The files of all keys, or None if one of them is missing or is not what was kept.

        Args:
            keys: of the entries.
            parse: turns a file into what is wanted of it; ValueError says that it is another
                one than was asked for.
        """
        if self.root is None:
            return None
        entries = []
        for key in keys:
            path = entry_path(self.root, self.kind, key)
            try:
                entries.append(parse(_read_entry(path, key)))
            except FileNotFoundError:
                return None
            except OSError as error:
                self.warn("read", error_reason(error), path)
                return None
            except ValueError as error:
                self.warn("used", str(error), path)
                return None
        with self._lock:
            self.num_found += len(entries)
            self.used_keys.update(keys)
        return entries

    def save(self, keys: Sequence[str], files: Sequence[bytes]) -> None:
        """Keep files; each appears whole, with its digest, or not at all."""
        if self.root is None:
            return
        with self._lock:
            self.used_keys.update(keys)
        for key, data in zip(keys, files, strict=True):
            path = entry_path(self.root, self.kind, key)
            try:
                write_whole(path, data + _digest(key, data))
            except OSError as error:
                self.warn("written", error_reason(error), path)

    def warn(self, verb: str, reason: str, path: Path) -> None:
        """Tell on stderr that a file can't be read, used or written, once a reason."""
        problem = f"{verb}: {reason}"
        with self._lock:
            if problem in self._warned:
                return
            self._warned.add(problem)
        print(
            f"warning: {self.kind.title}: {path} can't be {problem}; {self.kind.consequence} "
            "(more of this kind are not told)",
            file=sys.stderr,
        )


class ImageStore(Store):
    """The store of PNG files."""

    def __init__(self, root: Path | None) -> None:
        """Use a folder, which need not exist yet."""
        super().__init__(root, IMAGES)


def entry_path(root: Path, kind: StoreKind, key: str) -> Path:
    """Where the entry of a key is."""
    return root / kind.folder / key[:2] / f"{key[2:]}{kind.suffix}"


def _read_entry(path: Path, key: str) -> bytes:
    """The file as it was kept; ValueError if it is not that."""
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would wait for ever
        raise ValueError("it is no file")
    data = path.read_bytes()
    file, digest = data[:-DIGEST_LENGTH], data[-DIGEST_LENGTH:]
    if digest != _digest(key, file):
        raise ValueError("its digest is missing or another one")
    return file


def write_whole(path: Path, data: bytes) -> None:
    """Write a file that appears whole or not at all, whoever else writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _digest(key: str, data: bytes) -> bytes:
    """In hex digits. The key is part of it, so that no entry can take another's place."""
    return hashlib.sha256(key.encode() + data).hexdigest().encode()


def error_reason(error: OSError) -> str:
    """Without the file's name, so that a kind is told once."""
    return error.strerror or type(error).__name__
