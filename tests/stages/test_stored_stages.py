"""Features and scores from the store are the bytes that are computed without it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import compute_features, compute_scores
from tests.support.projects.synthetic_study import write_project
from tests.support.repository import ROOT
from zimage_eval.metrics import stored_scores
from zimage_eval.metrics.sets import extraction
from zimage_eval.output.store import KINDS
from zimage_eval.output.stored.store_contents import entries_of

STUDY = "hidden_layer"
OUTPUTS = ("data/scores", "data/facts", "data/features")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study that is drawn, without a store."""
    write_project(tmp_path, num_prompts={"screen": 4, "confirm": 4})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    return tmp_path


def run_both(project: Path) -> dict[str, bytes]:
    """Content of every output of both stages, by its path."""
    compute_features.main(STUDY)
    compute_scores.main(STUDY)
    files = [path for name in OUTPUTS for path in (project / name).rglob("*") if path.is_file()]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in files}


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("a network is loaded although the store holds everything")


def picture_of(project: Path) -> Path:
    """A file of the study's pictures."""
    return sorted((project / "data/images" / STUDY).rglob("*.png"))[3]


def test_without_a_store_with_an_empty_and_with_a_full_one_the_bytes_are_equal(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without = run_both(project)
    assert len(without) == 4
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "store")
    assert run_both(project) == without
    entries = list(entries_of(project / "store"))
    assert {entry.kind.name for entry in entries} == {"features", "results", "scores"}
    monkeypatch.setattr(stored_scores, "load_metric_networks", refuse)
    monkeypatch.setattr(extraction, "load_backbone", refuse)
    assert run_both(project) == without
    assert "from the store" in capsys.readouterr().out
    assert len(list(entries_of(project / "store"))) == len(entries)


def test_a_damaged_store_costs_a_warning_a_kind(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without = run_both(project)
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "store")
    run_both(project)
    for entry in entries_of(project / "store"):
        entry.path.write_bytes(entry.path.read_bytes()[:-1])
    capsys.readouterr()
    assert run_both(project) == without
    printed = capsys.readouterr().err
    for kind in ("features", "scores"):
        assert printed.count(f"warning: store of {kind}: ") == 1


def test_a_store_that_is_a_file_costs_warnings_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without = run_both(project)
    (project / "store").write_text("")
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "store")
    assert run_both(project) == without
    printed = capsys.readouterr().err
    assert 2 <= printed.count("warning: store of ") == printed.count("can't be ") <= 10


@pytest.mark.parametrize("stage", [compute_features.main, compute_scores.main])
@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.parametrize("size", [(64, 64), (32, 48)])
def test_a_picture_that_was_edited_is_named(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: object,
    is_stored: bool,
    size: tuple[int, int],
) -> None:
    assert callable(stage)
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "store" if is_stored else "off")
    if is_stored:
        stage(STUDY)
    path = picture_of(project)
    Image.fromarray(np.zeros((*size, 3), np.uint8)).save(path)
    with pytest.raises(ValueError, match="has other pixels than the image table lists") as caught:
        stage(STUDY)
    assert str(path.relative_to(project)) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_bytes_of_the_same_pixels_are_the_same_picture(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "store")
    compute_scores.main(STUDY)
    scores = (project / f"data/scores/{STUDY}.parquet").read_bytes()
    path = picture_of(project)
    with Image.open(path) as image:
        image.load()
    image.save(path, compress_level=9)
    monkeypatch.setattr(stored_scores, "load_metric_networks", refuse)
    compute_scores.main(STUDY)
    assert (project / f"data/scores/{STUDY}.parquet").read_bytes() == scores


@pytest.mark.parametrize("stage", ["compute_features", "compute_scores"])
def test_torch_is_not_imported_where_the_store_holds_everything(
    project: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "store")
    run_both(project)
    code = f"from stages import {stage}; {stage}.main({STUDY!r})"
    code += "; import sys; print('torch' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1:] == ["False"], done.stderr


def test_every_kind_has_a_place_of_its_own() -> None:
    assert len({kind.folder for kind in KINDS}) == len({kind.name for kind in KINDS}) == len(KINDS)
