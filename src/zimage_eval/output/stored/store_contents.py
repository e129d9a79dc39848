"""What the store holds, who uses it, and removing what nobody uses.

Each stage notes the keys of the entries that it used, in the store's folder `uses`, under the MD5
that DVC gives its output. An entry is in use if a branch, tag, experiment, stash or the work tree
has a dvc.lock with an output whose note names it.
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from zimage_eval.output.store import KINDS, Store, StoreKind, error_reason, write_whole

USES = "uses"
"""Folder of the notes, in the store's."""
LOCKS = ("dvc.lock", "benchmarks/*/dvc.lock")
LOCKED_MD5 = re.compile(r"\bmd5: ([0-9a-f]{32}(?:\.dir)?)\b")


class StoreEntry(NamedTuple):
    """A file of the store."""

    kind: StoreKind
    key: str
    path: Path
    num_bytes: int


class Contents(NamedTuple):
    """The entries of a store, by what is known of their use."""

    used: list[StoreEntry]
    """Outputs of a branch, tag, experiment, stash or the work tree were made of them."""
    unused: list[StoreEntry]
    """Notes name them, but only those of outputs that no dvc.lock has."""
    unlisted: list[StoreEntry]
    """No note names them: a stage that was stopped, a command, an earlier version kept them."""


def note_uses(out: Path, stores: Iterable[Store]) -> None:
    """Note which entries went into an output of a stage; an error is told and is none of a stage.

    They take the place of those that were noted of the same kinds for an equal output.

    Args:
        out: file or folder, as dvc.yaml names it, finished.
        stores: that it was made with; those without a folder note nothing.
    """
    for store in stores:
        if store.root is None or not store.used_keys:
            continue
        path = store.root / USES / f"{dvc_md5(out)}.txt"
        try:
            _note(path, store)
        except OSError as error:
            store.warn("written", error_reason(error), path)


def _note(path: Path, store: Store) -> None:
    noted = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    kept = [line for line in noted if line.partition(" ")[0] != store.kind.name]
    lines = sorted([*kept, *(f"{store.kind.name} {key}" for key in store.used_keys)])
    if lines == noted:
        return
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())


def dvc_md5(out: Path) -> str:
    """The MD5 by which dvc.lock knows a file or a folder."""
    if out.is_file():
        return _md5(out.read_bytes())
    files = {path.relative_to(out).as_posix(): path for path in out.rglob("*") if path.is_file()}
    tree = [
        {"md5": _md5(path.read_bytes()), "relpath": name} for name, path in sorted(files.items())
    ]
    return _md5(json.dumps(tree, sort_keys=True).encode()) + ".dir"


def read_contents(root: Path, repository: Path) -> Contents:
    """The entries of a store, by what the branches of a repository say of them.

    Args:
        root: of the store.
        repository: whose branches, tags, experiments, stashes and work tree count.

    Raises:
        ValueError: git can't be asked.
    """
    living = locked_md5s(repository)
    listed: set[tuple[str, str]] = set()
    used: set[tuple[str, str]] = set()
    for path in (root / USES).glob("*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        names = {(line.partition(" ")[0], line.partition(" ")[2]) for line in lines}
        listed |= names
        if path.stem in living:
            used |= names
    contents = Contents([], [], [])
    for entry in entries_of(root):
        name = (entry.kind.name, entry.key)
        if name in used:
            contents.used.append(entry)
        elif name in listed:
            contents.unused.append(entry)
        else:
            contents.unlisted.append(entry)
    return contents


def entries_of(root: Path) -> Iterator[StoreEntry]:
    """All entries of a store, whole or not, by kind and key."""
    for kind in KINDS:
        for path in sorted((root / kind.folder).glob(f"[0-9a-f][0-9a-f]/*{kind.suffix}")):
            if path.is_file():
                key = path.parent.name + path.name.removesuffix(kind.suffix)
                yield StoreEntry(kind, key, path, path.stat().st_size)


def remove_entries(root: Path, entries: Iterable[StoreEntry], repository: Path) -> int:
    """Remove entries, and the notes on outputs that no dvc.lock has; returns the bytes removed."""
    num_bytes = 0
    for entry in entries:
        entry.path.unlink(missing_ok=True)
        num_bytes += entry.num_bytes
    living = locked_md5s(repository)
    for path in (root / USES).glob("*.txt"):
        if path.stem not in living:
            path.unlink(missing_ok=True)
    return num_bytes


def locked_md5s(repository: Path) -> set[str]:
    """MD5s that stand in the dvc.lock files of the work tree and at the tip of every ref.

    Those of deps count too, which keeps a little more than outputs alone would. A lock that is cut
    off counts as far as it goes.

    Raises:
        ValueError: git can't be asked.
    """
    texts = [path.read_text(encoding="utf-8") for lock in LOCKS for path in repository.glob(lock)]
    names = _git(repository, "for-each-ref", "--format=%(refname)").split()
    commits = set(_git(repository, "for-each-ref", "--format=%(objectname)").split())
    for name in names:
        if name.endswith("stash"):  # older ones are in its log alone, queued experiments among them
            commits |= set(_git(repository, "log", "--walk-reflogs", "--format=%H", name).split())
    blobs = set()
    for commit in sorted(commits):
        tree = _git(repository, "ls-tree", "-r", commit, "--", "dvc.lock", "benchmarks")
        blobs |= {line.split()[2] for line in tree.splitlines() if line.endswith("dvc.lock")}
    texts += [_git(repository, "cat-file", "blob", blob) for blob in sorted(blobs)]
    return {md5 for text in texts for md5 in LOCKED_MD5.findall(text)}


def _git(repository: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", *arguments], cwd=repository, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise ValueError(f"git {arguments[0]}: {' '.join(answer.stderr.split())}")
    return answer.stdout


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
