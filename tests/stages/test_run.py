"""What a stage says when it ends: one line for what happens to it, a traceback for its mistakes."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import stages
from tests.support.repository import ROOT


def _raising(error: BaseException) -> Callable[[], None]:
    def main() -> None:
        """Fail."""
        raise error

    return main


def _fill_disk() -> None:
    with Path("/dev/full").open("w") as file:
        file.write("x")


def run(monkeypatch: pytest.MonkeyPatch, main: Callable[[], None]) -> int:
    monkeypatch.setattr("sys.argv", ["stage"])
    with pytest.raises(SystemExit) as ended:
        stages.run(main)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ValueError("a\n  b"), 1, "a b"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "data/x"),
            1,
            "[Errno 28] No space left on device: 'data/x'",
        ),
        (
            OSError(errno.EROFS, os.strerror(errno.EROFS), "metrics/x.json"),
            1,
            "[Errno 30] Read-only file system: 'metrics/x.json'",
        ),
        (
            PermissionError(errno.EACCES, os.strerror(errno.EACCES), "reports"),
            1,
            "[Errno 13] Permission denied: 'reports'",
        ),
        (MemoryError(), 1, "out of memory"),
        (MemoryError("Unable to allocate\n8 GiB"), 1, "out of memory: Unable to allocate 8 GiB"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_what_happens_to_a_stage_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    assert run(monkeypatch, _raising(error)) == code
    assert capsys.readouterr().err == f"error: {line}\n"


def test_an_error_without_a_file_says_where_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, _fill_disk) == 1
    line = "error: [Errno 28] No space left on device (_fill_disk, tests/stages/test_run.py)\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    "error",
    [TypeError("x"), AssertionError(), KeyError("x"), AttributeError("x"), RuntimeError("x")],
)
def test_a_mistake_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr("sys.argv", ["stage"])
    with pytest.raises(type(error)):
        stages.run(_raising(error))


TELLING = """\
import subprocess, sys
from stages import run
def main() -> None:
    import zimage_eval.config.frozen as module
    code = "import zimage_eval.config.frozen as module; print(module.__file__)"
    print(module.__file__, flush=True)
    subprocess.run([sys.executable, "-c", code], check=True)
if __name__ == "__main__":
    run(main)
"""


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two trees with a stage that tells whose library it and a process of its own take."""
    for name in ("tree", "installed"):
        shutil.copytree(ROOT / "src", tmp_path / name / "src")
        (tmp_path / name / "stages").mkdir()
        shutil.copy(ROOT / "stages" / "__init__.py", tmp_path / name / "stages")
        (tmp_path / name / "stages" / "tell.py").write_text(TELLING)
    return tmp_path / "tree", tmp_path / "installed"


def tell(tree: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run the stage of a tree; Python finds modules in `paths` first."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-m", "stages.tell"]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True)


def test_a_stage_takes_the_library_of_its_own_tree(trees: tuple[Path, Path]) -> None:
    tree, installed = trees
    done = tell(tree, installed / "src")
    file = str(tree / "src" / "zimage_eval" / "config" / "frozen.py")
    assert (done.stdout.splitlines()[:2], done.stderr) == ([file, file], "")


def test_a_library_of_another_tree_that_is_loaded_already_is_refused(
    trees: tuple[Path, Path],
) -> None:
    tree, installed = trees
    early = installed / "early"
    early.mkdir()
    (early / "sitecustomize.py").write_text("import zimage_eval")
    done = tell(tree, early, installed / "src")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(
        f"error: {installed / 'src' / 'zimage_eval'} is loaded, but this stage belongs to "
        f"{tree / 'src' / 'zimage_eval'}: "
    )
    assert f"PYTHONPATH={tree / 'src'}" in done.stderr
