"""The study is blind: what runs it and what looks for answers can't read what was planted."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from calibration.study import calibrate as command
from tests.support.graph import PACKAGES, STAGES, code_graph
from tests.support.repository import ROOT

TRUTHS = "calibration/data/truths.py"
TRAINING_ROOMS = ("calibration.data", "calibration.train", "calibration.evaluation")
"""They make a family, before there is anything to study."""
MAY_READ_TRUTHS = {
    # hold what was found to what was planted
    "calibration.scorecard.__main__",
    "calibration.scorecard.families",
    "calibration.scorecard.negative_controls",
    "calibration.scorecard.truth_scores",
    # draw, beside the study, prompts that training never saw, and what an answer's alternatives do
    "calibration.study.draw_guidance_arms",
    "calibration.study.plant_arms",
    "calibration.study.plant_strength",
    # tells the study, a process of its own, the model's name
    "calibration.study.calibrate",
    # draws scenes as nano was trained on
    "tools.draw_world",
}
"""All others that may: the one list of who reads the planted answers."""
BLIND = (
    "calibration.scorecard.find_answers",
    "calibration.scorecard.find_concepts",
    "calibration.study.run_study",
    "calibration.study.score_shards",
    "calibration.study.study_folders",
    "calibration.study.summarize_runs",
    "calibration.study.weigh_full",
)
FAMILY_FILES = ("truths", "strength.json", "evaluation.json")
"""Parts of the names of a family's files that tell what was planted."""


def module_names() -> Iterator[str]:
    """Every module of library, stages, calibration and tools."""
    for package in (*PACKAGES, "calibration", "tools"):
        folder = PACKAGES.get(package, Path(package))
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join([package, *(part for part in parts if part != "__init__")])


@cache
def reached_files() -> dict[str, set[str]]:
    """By module, all files that it imports."""
    graph = code_graph()
    return {module: graph.reached_files(module) for module in module_names()}


def test_nobody_else_reaches_the_planted_answers() -> None:
    reached = reached_files()
    assert len(reached) > 250 and set(BLIND) < set(reached)
    sighted = {module for module, files in reached.items() if TRUTHS in files}
    rooms = {module for module in sighted if module.startswith(TRAINING_ROOMS)}
    assert {"calibration.data.corpus", "calibration.train.family"} < rooms
    assert sighted - rooms == MAY_READ_TRUTHS


def spoken_texts(file: Path) -> Iterator[str]:
    """The texts of a file that are no docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in silent
        ):
            yield node.value


@pytest.mark.parametrize("module", BLIND)
def test_no_file_that_a_blind_module_reaches_names_a_familys_secrets(module: str) -> None:
    for file in reached_files()[module]:
        for text in spoken_texts(ROOT / file):
            assert not any(name in text for name in FAMILY_FILES), file


def test_library_and_stages_name_no_family_and_the_report_alone_the_scorecard() -> None:
    files = [file for package in PACKAGES.values() for file in (ROOT / package).rglob("*.py")]
    texts = {file: list(spoken_texts(file)) for file in files}
    for file in files:
        secrets = [t for t in texts[file] if "calibration/families" in t or "truths.yaml" in t]
        assert not secrets, file
    card = [file.name for file in files if any("calibration.json" in text for text in texts[file])]
    assert card == ["render_report.py"]


def test_no_stage_depends_on_a_family() -> None:
    for name, stage in STAGES.items():
        deps = [str(dep) for dep in stage.get("deps", [])]
        assert not [dep for dep in deps if dep.startswith("calibration/families")], name
        assert "calibration" not in deps, f"{name}: the folder holds the families"


@pytest.mark.parametrize("module", ["find_answers", "find_concepts"])
def test_what_looks_for_answers_reads_no_declared_defaults(module: str) -> None:
    text = (ROOT / "calibration" / "scorecard" / f"{module}.py").read_text(encoding="utf-8")
    assert "load_model_spec" not in text and "models/" not in text


WATCHED = """
import sys
from pathlib import Path

def refuse(event, arguments):
    if event == "open" and Path(str(arguments[0])).name in {files}:
        raise PermissionError(f"opens {{arguments[0]}}")

sys.addaudithook(refuse)
from calibration.scorecard.find_answers import find_best, find_guidance, grid_of, load_searches
from calibration.scorecard.find_answers import read_scores
from calibration.scorecard.find_concepts import find_pairs, find_skews, read_pairs
from calibration.study.study_folders import ROOT, Sizes, count_forwards, prepare_folder
from calibration.study.summarize_runs import FAMILIES, families

families(FAMILIES)
results = FAMILIES / "nano" / "results"
search = load_searches(Path("calibration/searches.yaml"))["context_refiner"]
find_best(grid_of(read_scores(results, search.study), search), search)
find_pairs(read_pairs(results, Path("prompts/scene_concepts")), 0.05)
find_skews(results), find_guidance(results)
folder = Path(sys.argv[1])
prepare_folder(folder, "nano", ROOT / "models", "templates", Sizes(), None)
count_forwards(folder)
{last}
"""


@pytest.mark.parametrize("last", ["", "open(FAMILIES / 'nano' / 'truths.yaml')"])
def test_no_file_of_planted_answers_is_opened(last: str, tmp_path: Path) -> None:
    files = ("truths.yaml", "strength.json", "evaluation.json")
    done = subprocess.run(
        [sys.executable, "-c", WATCHED.format(files=files, last=last), str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, "opens" in done.stderr) == ((1, True) if last else (0, False))


def test_the_study_is_told_the_models_name_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: dict[str, list[str]] = {}

    def record(name: str, *arguments: str | Path) -> bool:
        calls[name] = [str(argument) for argument in arguments]
        return True

    monkeypatch.setattr(command, "_run", record)
    truths = ROOT / "calibration" / "families" / "pico" / "truths.yaml"
    assert command.calibrate(truths, tmp_path / "models", tmp_path / "run", None, ["--jobs", "2"])
    assert calls["study.run_study"] == [
        *("--model", "pico", "--models", str(tmp_path / "models")),
        *("--out", str(tmp_path / "run" / "study")),
        *("--results", str(tmp_path / "run" / "results" / "pico")),
        *("--jobs", "2"),
    ]
    assert str(truths) in calls["scorecard"]
