"""`python -m zimage_eval check` speaks before DVC does."""

import shutil
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from zimage_eval.cli.commands import main


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The repository's parameters without any weights."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "models").mkdir()
    shutil.copy(ROOT / "models" / "nano.yaml", tmp_path / "models")
    shutil.copytree(ROOT / "questions", tmp_path / "questions")
    shutil.copytree(ROOT / "prompts" / "templates", tmp_path / "prompts" / "templates")
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


def test_a_misspelled_question_is_named(
    project: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(tiny_folder, project / "models" / "nano")
    path = project / "questions" / "a02-guidance.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("claim:", "clame:", 1), "utf-8")
    assert main(["check", "--folder", str(project)]) == 2
    assert "clame" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "declared", "words"),
    [
        ("networks: {}", "networks: {vgg16: %s}", "no vgg16 weights at nowhere"),
        ("hand_labels:\n", "hand_labels: %s\n", "hand_labels: nowhere: no such file"),
        (
            "    source: scenes\n    num_images: 512\n",
            "    source: folder\n    path: nowhere\n    sha256: ''\n",
            "reference nowhere: No such file",
        ),
    ],
)
def test_a_declared_file_that_is_missing_is_named(
    project: Path,
    tiny_folder: Path,
    capsys: pytest.CaptureFixture[str],
    written: str,
    declared: str,
    words: str,
) -> None:
    shutil.copytree(tiny_folder, project / "models" / "nano")
    model = project / "models" / "nano.yaml"
    text = model.read_text()
    assert written in text
    pinned = f"{{path: nowhere, sha256: '{'0' * 64}'}}"
    model.write_text(text.replace(written, declared.replace("%s", pinned)))
    assert main(["check", "--folder", str(project)]) == 2
    assert words in capsys.readouterr().err
