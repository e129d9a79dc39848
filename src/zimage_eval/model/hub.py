"""Weights by name: downloaded into the hub's cache, linked, and held to their SHA-256.

Every file becomes a link to the cache, inside real folders: DVC follows links to files, several
projects share one download, and git can carry the links into a temporary experiment.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import HfApi, constants, snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils import filter_repo_objects

from zimage_eval.config.frozen import Problems, cut
from zimage_eval.config.weight_sources import HubSource, read_digests, write_digests
from zimage_eval.model.digests import differing_file, file_digests

GIGABYTE = 10**9


class HubFile(NamedTuple):
    """What the hub says of a file at a revision."""

    size: int
    sha256: str | None
    """Of a large file; small ones have no other digest than git's."""
    blob_id: str
    """SHA-1 by which git names the content."""


def fetch_repository(
    source: HubSource, folder: Path, digests: Path, say: Callable[[str], None]
) -> None:
    """Download what is missing of a repository, link it into a folder and check every file.

    A file whose connection breaks goes on where it was, and files that are whole are kept when a
    fetch is stopped. With HF_HUB_OFFLINE=1 nothing is asked or downloaded: what the cache has is
    linked and checked.

    Args:
        source: repository, revision and files.
        folder: to link the files into; its own files stay, and are checked like the others.
        digests: file of the files' SHA-256. Those that it lacks are added to it: the hub's own
            for large files, and for small ones that of the content whose git digest the hub states.
        say: is called with a line of text at each step.

    Raises:
        Problems: files are others than stated; a line each. Their links are removed.
        ValueError: the repository is gated, or something is missing: files, revision, disk, hub.
    """
    _refuse_linked_folder(folder)
    stated = read_digests(digests)
    with _in_words(source):
        files = _list_files(source)
        if files is None:
            say(f"{_title(source)}: nothing is downloaded (HF_HUB_OFFLINE)")
        else:
            _compare_stated(source, files, stated, digests)
            say(_describe_sizes(source, files))
        snapshot = Path(
            snapshot_download(
                source.repository,
                revision=source.revision,
                allow_patterns=list(source.files),
                ignore_patterns=list(source.left_out),
            )
        )
    names = _names_below(snapshot, source) if files is None else sorted(files)
    if not names:
        raise ValueError(f"{_title(source)}: has none of {', '.join(source.files)}")
    _link_files(snapshot, folder, names)
    say(f"{folder}: {len(names)} files; comparing their sha256")
    sha256 = _check_files(folder, names, files or {}, stated, digests)
    lacking = [name for name in names if name not in stated]
    if files is not None and lacking:
        write_digests(digests, _title(source), stated | sha256)
        say(f"{digests}: states {len(lacking)} more sha256 now, as the hub does; commit it")
    elif lacking:
        say(f"{digests} states no sha256 of {len(lacking)} files, such as {lacking[0]}")


def _title(source: HubSource) -> str:
    return f"{source.repository} at {source.revision}"


def _page(source: HubSource) -> str:
    return f"{constants.ENDPOINT}/{source.repository}"


@contextmanager
def _in_words(source: HubSource) -> Iterator[None]:
    """The hub's errors as one line that says what to do."""
    try:
        yield
    except GatedRepoError as error:
        raise ValueError(
            f"{source.repository} is gated: accept its licence on {_page(source)}, then log in "
            "with `hf auth login` and fetch again"
        ) from error
    except RevisionNotFoundError as error:
        raise ValueError(f"{_page(source)}: has no revision {source.revision}") from error
    except RepositoryNotFoundError as error:
        raise ValueError(
            f"{_page(source)}: there is no such repository, or only for those who log in with "
            "`hf auth login`"
        ) from error
    except LocalEntryNotFoundError as error:
        raise ValueError(
            f"{_title(source)}: is not whole in {constants.HF_HUB_CACHE}, and {constants.ENDPOINT} "
            f"can't be asked ({cut(str(error))})"
        ) from error
    except HTTPError as error:
        raise ValueError(
            f"{_page(source)}: {cut(str(error)) or type(error).__name__}; fetch again to go on, or "
            "set HF_HUB_OFFLINE=1 to take what the hub's cache has"
        ) from error


def _list_files(source: HubSource) -> dict[str, HubFile] | None:
    """The wanted files by their path in the repository; None if the hub must not be asked."""
    try:
        tree = list(
            HfApi().list_repo_tree(source.repository, recursive=True, revision=source.revision)
        )
    except OfflineModeIsEnabled:
        return None
    files = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
    return {
        name: HubFile(
            files[name].size,
            None if (lfs := files[name].lfs) is None else lfs.sha256,
            files[name].blob_id,
        )
        for name in _wanted(files, source)
    }


def _wanted(names: Iterable[str], source: HubSource) -> list[str]:
    return sorted(
        filter_repo_objects(
            names, allow_patterns=list(source.files), ignore_patterns=list(source.left_out)
        )
    )


def _names_below(snapshot: Path, source: HubSource) -> list[str]:
    paths = (path for path in snapshot.rglob("*") if path.is_file())
    return _wanted((path.relative_to(snapshot).as_posix() for path in paths), source)


def _compare_stated(
    source: HubSource, files: Mapping[str, HubFile], stated: Mapping[str, str], digests: Path
) -> None:
    """Refuse, before anything is downloaded, a revision that holds other files than stated."""
    problems = [
        f"{digests}: states the sha256 of {name}, which {_title(source)} has not"
        for name in sorted(stated.keys() - files.keys())
    ]
    for name, file in sorted(files.items()):
        if file.sha256 is not None and stated.get(name, file.sha256) != file.sha256:
            problems.append(
                f"{digests}: states sha256 {stated[name]} of {name}, the hub {file.sha256} for "
                f"revision {source.revision}"
            )
    if problems:
        raise Problems(*problems)


def _describe_sizes(source: HubSource, files: Mapping[str, HubFile]) -> str:
    """What there is, what is downloaded, and where to.

    Raises:
        ValueError: the disk has less room than is needed.
    """
    cache = Path(constants.HF_HUB_CACHE)
    missing = [
        name
        for name in files
        if not isinstance(
            try_to_load_from_cache(source.repository, name, revision=source.revision), str
        )
    ]
    total = sum(file.size for file in files.values())
    needed = sum(files[name].size for name in missing)
    disk = next(folder for folder in (cache, *cache.parents) if folder.is_dir())
    free = shutil.disk_usage(disk).free
    words = (
        f"{_title(source)}: {len(files)} files of {_gigabytes(total)}, {_gigabytes(needed)} of "
        f"them not yet in {cache}, where {_gigabytes(free)} are free"
    )
    if needed > free:
        raise ValueError(f"{words}: too little; HF_HUB_CACHE names another place")
    return words


def _gigabytes(size: int) -> str:
    return f"{size / GIGABYTE:.2f} GB"


def _refuse_linked_folder(folder: Path) -> None:
    linked = [path for path in (folder, *folder.glob("*")) if path.is_symlink() and path.is_dir()]
    if linked:
        raise ValueError(
            f"{linked[0]}: is a link to a folder, in which DVC would not see a change; remove the "
            "link, and its files are linked one by one"
        )


def _link_files(snapshot: Path, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        place, target = folder / name, snapshot / name
        if place.is_symlink() and place.readlink() != target:
            place.unlink()
        if not place.is_symlink() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)


def _check_files(
    folder: Path,
    names: Sequence[str],
    files: Mapping[str, HubFile],
    stated: Mapping[str, str],
    digests: Path,
) -> dict[str, str]:
    """SHA-256 of every file by its path, all as stated and as the hub has them."""
    missing = sorted(stated.keys() - set(names))
    problems = [f"{folder / name}: no such file; {digests} states its sha256" for name in missing]
    sha256 = dict(zip(names, file_digests([folder / name for name in names]), strict=True))
    for name, digest in sha256.items():
        path, file = folder / name, files.get(name)
        problem = None
        if digest != stated.get(name, digest):
            problem = differing_file(path, digest, stated[name], str(digests))
        elif file is not None and file.sha256 is not None and digest != file.sha256:
            problem = differing_file(path, digest, file.sha256, "the hub")
        elif file is not None and file.sha256 is None and _git_digest(path) != file.blob_id:
            problem = f"{path}: is not the file that the hub has"
        if problem is not None:
            problems.append(_removed(path, problem))
    if problems:
        raise Problems(*problems)
    return sha256


def _removed(path: Path, problem: str) -> str:
    """The problem with a file and what to do about it; a link to it is removed."""
    if not path.is_symlink():
        return f"{problem}; move it away and fetch again"
    content = path.resolve()
    path.unlink()
    return f"{problem}; remove {content} and fetch again"


def _git_digest(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
