"""Which entries of the store are in use, and what is removed."""

import subprocess
from pathlib import Path

import pytest

from zimage_eval.cli.commands import main
from zimage_eval.output.store import FEATURES, IMAGES, Store, entry_path
from zimage_eval.output.stored.entry_keys import entry_key
from zimage_eval.output.stored.store_contents import (
    dvc_md5,
    entries_of,
    locked_md5s,
    note_uses,
    read_contents,
)

KEYS = {name: entry_key(name=name) for name in ("branch", "experiment", "gone", "unlisted")}


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def use(folder: Path, name: str) -> None:
    """A stage makes `out` with an entry, and DVC locks it."""
    (folder / "out").write_text(name)
    for kind in (IMAGES, FEATURES):
        store = Store(folder / "store", kind)
        store.save([KEYS[name]], [name.encode()])
        if name != "unlisted":
            note_uses(folder / "out", [store])
    lock = f"stages:\n  x:\n    outs:\n    - path: out\n      md5: {dvc_md5(folder / 'out')}\n"
    (folder / "dvc.lock").write_text(lock)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Entries of a branch, of an experiment, of nothing that is left, and of nobody knows what."""
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", str(tmp_path / "store"))
    git(tmp_path, "init", "-q")
    use(tmp_path, "branch")
    git(tmp_path, "add", "dvc.lock")
    git(tmp_path, "commit", "-q", "-m", "results")
    use(tmp_path, "experiment")
    git(tmp_path, "commit", "-q", "-a", "-m", "an experiment")
    git(tmp_path, "update-ref", "refs/exps/ab/cdef/name", "HEAD")
    git(tmp_path, "reset", "-q", "--hard", "HEAD~1")
    for name in ("gone", "unlisted"):
        use(tmp_path, name)
    git(tmp_path, "checkout", "-q", "dvc.lock")
    return tmp_path


def names(entries: object) -> set[str]:
    by_key = {key: name for name, key in KEYS.items()}
    return {by_key[entry.key] for entry in entries}  # type: ignore[attr-defined]


def test_an_entry_is_used_if_a_branch_or_an_experiment_has_its_output(repository: Path) -> None:
    contents = read_contents(repository / "store", repository)
    for kind in (IMAGES, FEATURES):  # both are noted of the same output
        groups = [[entry for entry in group if entry.kind == kind] for group in contents]
        assert [names(group) for group in groups] == [
            {"branch", "experiment"},
            {"gone"},
            {"unlisted"},
        ]


def test_pruning_removes_nothing_before_yes(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {entry.path for entry in entries_of(repository / "store")}
    assert main(["--folder", str(repository), "store", "--prune"]) == 0
    printed = capsys.readouterr().out
    assert "--prune --yes would remove 2 entries" in printed
    assert "images: 4 entries" in printed and "features: 4 entries" in printed
    assert {entry.path for entry in entries_of(repository / "store")} == before


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ([], {"branch", "experiment", "unlisted"}),
        (["--unlisted"], {"branch", "experiment"}),
    ],
)
def test_pruning_keeps_what_is_in_use(repository: Path, options: list[str], kept: set[str]) -> None:
    assert main(["--folder", str(repository), "store", "--prune", "--yes", *options]) == 0
    assert names(entries_of(repository / "store")) == kept


def test_options_of_prune_without_it_are_refused(repository: Path) -> None:
    assert main(["--folder", str(repository), "store", "--yes"]) == 2


def test_a_stash_counts(repository: Path) -> None:
    use(repository, "gone")
    git(repository, "stash")
    assert "gone" in names(read_contents(repository / "store", repository).used)


def test_md5_of_a_folder_is_that_of_dvc(tmp_path: Path) -> None:
    """As dvc.lock has it for the same two files; names sort by their whole path."""
    for name in ("a/x.png", "a,b/x.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(name)
    first, second = (dvc_md5(tmp_path / name) for name in ("a,b/x.png", "a/x.png"))
    tree = f'[{{"md5": "{first}", "relpath": "a,b/x.png"}}, '
    tree += f'{{"md5": "{second}", "relpath": "a/x.png"}}]'
    (tmp_path / "tree").write_text(tree)
    digest = dvc_md5(tmp_path / "tree")
    (tmp_path / "tree").unlink()
    assert dvc_md5(tmp_path) == f"{digest}.dir"


def test_locks_of_another_shape_count_as_far_as_they_go(repository: Path) -> None:
    (repository / "dvc.lock").write_text(f"<<<<<<<\n md5: {'a' * 32}\n md5: {'b' * 32}.dir\n md5:")
    assert {"a" * 32, "b" * 32 + ".dir"} <= locked_md5s(repository)


def test_entries_lie_where_they_always_did(tmp_path: Path) -> None:
    key = KEYS["branch"]
    assert entry_path(tmp_path, IMAGES, key) == tmp_path / key[:2] / f"{key[2:]}.png"
