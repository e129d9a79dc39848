"""What a stage says when it ends: one line for what happens to it, a traceback for its mistakes."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import stages


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
