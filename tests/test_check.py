"""`python -m zimage_eval check` speaks before DVC does."""

import shutil
from pathlib import Path

import pytest

from zimage_eval.__main__ import main

ROOT = Path(__file__).parent.parent


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The repository's parameters without any weights."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "models").mkdir()
    shutil.copy(ROOT / "models" / "nano.yaml", tmp_path / "models")
    return tmp_path


def test_missing_weights_are_named_with_their_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--folder", str(project)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and str(project / "models" / "nano") in error


def test_a_whole_model_is_in_order(
    project: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_folder, project / "models" / "nano")
    assert main(["check", "--folder", str(project)]) == 0
    assert "in order" in capsys.readouterr().out
