"""A project reads a file when it is asked for it, once, and names the one that is missing."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stages import build_prompt_sets, expand_studies
from tests.support.projects.toy_project import save_yaml
from tests.support.repository import ROOT
from zimage_eval.config.benchmarks import PromptBenchmark
from zimage_eval.config.frozen import read_yaml
from zimage_eval.config.params import PHASES, load_params
from zimage_eval.config.variants import read_studies
from zimage_eval.output.project import Project
from zimage_eval.output.tables import PROMPTS, read_table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The repository's parameters and nano's settings, without anything else."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "models").mkdir()
    shutil.copy(ROOT / "models" / "nano.yaml", tmp_path / "models")
    return tmp_path


def written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The same after the first two stages."""
    (folder / "prompts").symlink_to(ROOT / "prompts")
    monkeypatch.chdir(folder)
    build_prompt_sets.main()
    expand_studies.main()
    monkeypatch.chdir(ROOT)
    return Project.open(folder)


def test_it_gives_what_the_stages_wrote_from_any_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = written(folder, monkeypatch)
    prompts = project.prompts("main")
    assert list(prompts.rows) == list(PHASES)
    for phase in PHASES:
        table = read_table(folder / f"data/prompts/main/{phase}.parquet", PROMPTS)
        assert prompts.rows[phase] == project.prompt_rows("main", phase) == table.to_pylist()
        assert prompts.texts[phase] == table["text"].to_pylist()
    assert project.studies == read_studies(folder / "data/studies")
    assert list(project.studies) == list(load_params(ROOT / "params.yaml").studies)
    assert project.study("guidance") == project.studies["guidance"]


def test_a_study_and_its_model_need_no_params(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(folder, monkeypatch)
    (folder / "params.yaml").unlink()
    study = Project.open(folder).study("guidance")
    project = Project.open(folder, model=study.model)
    assert project.spec.title == "nano (turbo)"
    assert project.model_folder == folder / "models" / "nano"
    assert set(Project.open(folder).studies) > {"guidance"}


def test_a_file_is_read_once(folder: Path) -> None:
    project = Project.open(folder)
    params, spec = project.params, project.spec
    (folder / "params.yaml").unlink()
    (folder / "models" / "nano.yaml").unlink()
    assert project.params is params and project.spec is spec


def test_in_its_own_folder_paths_are_those_of_the_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    project = Project.open()
    assert str(project.model_folder) == "models/nano"
    assert str(project.prompt_set("main")) == "prompts/scenes"
    assert str(project.prompt_table("main", "screen")) == "data/prompts/main/screen.parquet"
    assert project.shipped_backbones == {
        "alexnet": Path("models/lpips-alexnet"),
        "vae": Path("models/nano/vae"),
    }


def test_declared_files_are_found_from_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "models" / "nano.yaml"
    spec = read_yaml(path)
    spec["hand_labels"] = {"path": "labels.csv", "sha256": "0" * 64}
    spec["networks"] = {"inception": {"path": None, "sha256": "0" * 64}}
    spec["networks"] |= {"clip": {"path": "/weights/clip", "sha256": "0" * 64}}
    spec["distribution"]["reference"] = {"source": "folder", "path": "photos", "sha256": "0" * 64}
    save_yaml(path, spec)
    placed = Project.open(folder).spec
    assert placed.hand_labels and placed.hand_labels.path == str(folder / "labels.csv")
    assert placed.networks["inception"].path is None
    assert placed.networks["clip"].path == "/weights/clip"
    assert placed.distribution.reference.source == "folder"
    assert placed.distribution.reference.path == str(folder / "photos")
    monkeypatch.chdir(folder)
    kept = Project.open().spec
    assert kept.hand_labels and kept.hand_labels.path == "labels.csv"


def test_a_benchmark_is_its_entry_of_params(folder: Path) -> None:
    params = load_params(ROOT / "params.yaml").benchmarks
    for name in ("layers", "refiner"):
        entry = Project.open(folder).benchmark(name, PromptBenchmark)
        assert entry == getattr(params, name)


MISSING: dict[str, tuple[Callable[[Project], object], str]] = {
    "params": (lambda p: p.params, "{0}/params.yaml: no such file; .* --folder"),
    "model": (lambda p: Project.open(p.folder, "nanno").spec, "{0}/models/nanno.yaml: no such mo"),
    "role": (lambda p: Project.open(p.folder, "nano").prompt_set("x"), "{0}/models/nano.yaml: "),
    "table": (lambda p: p.prompts("main"), "{0}/data/prompts/main/screen.parquet: no such table"),
    "study": (lambda p: p.study("guidance"), "{0}/data/studies/guidance.json: unknown study"),
    "studies": (lambda p: p.studies, "{0}/data/studies/_order.json: no such file"),
}


@pytest.mark.parametrize("what", MISSING)
def test_what_is_missing_is_named_in_one_line(folder: Path, what: str) -> None:
    (folder / "params.yaml").unlink()
    ask, words = MISSING[what]
    with pytest.raises(ValueError, match=words.format(folder)) as caught:
        ask(Project.open(folder))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["benchmark", "comparison"])
def test_an_entry_that_is_missing_is_named(folder: Path, name: str) -> None:
    params = read_yaml(folder / "params.yaml")
    del params["benchmarks"]["layers"], params["comparison"]
    save_yaml(folder / "params.yaml", params)
    project = Project.open(folder)
    with pytest.raises(ValueError, match=r"^params\.yaml: .* entry '(layers|comparison)'$"):
        _ = (
            project.comparison
            if name == "comparison"
            else project.benchmark("layers", PromptBenchmark)
        )
