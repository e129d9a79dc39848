"""What DVC prints of this repository fits a screen, and the whole of a study is one option away."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.graph import ENTRIES, ROOT, STAGES
from zimage_eval.config.frozen import read_yaml
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import load_params
from zimage_eval.config.variants import expand_study
from zimage_eval.prompts.templates import study_variants
from zimage_eval.questions.evidence import largest_evidence, read_evidence, read_full_evidence
from zimage_eval.questions.verdicts import count_answers
from zimage_eval.studies.headline import (
    best_rival,
    headline_numbers,
    write_best_rivals,
    write_headline,
)
from zimage_eval.studies.summaries import read_summaries

MAX_NUMBERS = 25
MAX_LINES = 24
HEADLINE = Path("reports/headline.json")
CHANGED = Path("metrics/guidance.json")


def run(folder: Path, *command: str) -> str:
    """Standard output of a command that must succeed."""
    paths = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": paths, "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The declarations and results, committed; then a number of a study and its headline edited."""
    root = tmp_path_factory.mktemp("repository")
    for path in (Path("dvc.yaml"), *sorted(Path("benchmarks").glob("*/dvc.yaml"))):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, root / path)
    shutil.copy2(ROOT / "params.yaml", root)
    shutil.copytree(ROOT / "metrics", root / "metrics")
    (root / "models").mkdir()
    for path in ROOT.glob("models/*.yaml"):
        shutil.copy2(path, root / "models")
    params = load_params(ROOT / "params.yaml")
    spec = load_model_spec(ROOT / "models" / f"{params.model}.yaml")
    studies = {
        key: expand_study(
            study, params.model, study_variants(study, spec, ROOT / "prompts" / "templates")
        )
        for key, study in params.studies.items()
    }
    summaries = {key: read_summaries(ROOT / f"reports/tables/{key}.csv") for key in studies}
    rivals = {key: best_rival(key, rows) for key, rows in summaries.items()}
    evidence = read_evidence(ROOT / "reports/evidence.json")
    full = read_full_evidence(ROOT / "reports/full", params.model)
    answers = count_answers(largest_evidence(evidence, full))
    headline = headline_numbers(summaries, studies, rivals, answers)
    write_headline(root / HEADLINE, headline)
    write_best_rivals(root / "reports/headline.csv", [rival for rival in rivals.values() if rival])
    run(root, "git", "init", "--quiet")
    run(root, "git", "config", "user.name", "test")
    run(root, "git", "config", "user.email", "test@example.org")
    run(root, "dvc", "init", "--quiet")
    shutil.copytree(ROOT / ".dvc" / "plots", root / ".dvc" / "plots", dirs_exist_ok=True)
    run(root, "git", "add", "--all")
    run(root, "git", "commit", "--quiet", "--message", "results")
    results = json.loads((root / CHANGED).read_text())
    results["guidance"]["guidance_scale=5.0"]["alignment"] = 0.125
    (root / CHANGED).write_text(json.dumps(results))
    headline["gain"]["guidance"] = 0.25
    write_headline(root / HEADLINE, headline)
    table = (root / "reports/headline.csv").read_text().replace("\nguidance,", "\nguidance ,")
    (root / "reports/headline.csv").write_text(table)
    return root


def test_the_headline_is_few_numbers(repository: Path) -> None:
    headline = json.loads((repository / HEADLINE).read_text())
    numbers = [value for group in headline.values() for value in group.values()]
    assert 0 < len(numbers) <= MAX_NUMBERS
    assert sum(headline["answers"].values()) == len([*(ROOT / "questions").glob("[aq]*.yaml")])


def test_the_headline_alone_is_a_metric() -> None:
    metrics = [
        path
        for stage in STAGES.values()
        for entry in stage.get("metrics", [])
        for path in ([entry] if isinstance(entry, str) else entry)
    ]
    assert metrics == [HEADLINE.as_posix()]


def test_a_difference_of_one_value_fits_a_screen(repository: Path) -> None:
    lines = run(repository, "dvc", "metrics", "diff", "HEAD").splitlines()
    assert len(lines) <= MAX_LINES
    assert [line.split()[:2] for line in lines[1:]] == [[HEADLINE.as_posix(), "gain.guidance"]]


def test_the_whole_of_a_study_is_a_target_away(repository: Path) -> None:
    text = run(repository, "dvc", "metrics", "diff", "HEAD", "--json", "--targets", str(CHANGED))
    changes = json.loads(text)[CHANGED.as_posix()]
    assert [*changes] == ["guidance.guidance_scale=5.0.alignment"]
    assert changes["guidance.guidance_scale=5.0.alignment"]["new"] == 0.125
    whole = json.loads(run(repository, "dvc", "metrics", "show", str(CHANGED), "--json"))
    assert len(whole[""]["data"][CHANGED.as_posix()]["data"]["guidance"]) >= 8


def test_the_table_of_experiments_has_a_column_for_each_change(repository: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [words] = [line for line in makefile.splitlines() if "dvc exp show" in line]
    command = words.strip().replace("'", "").split()
    table = [*csv.reader(io.StringIO(run(repository, *command, "--csv")))]
    assert set(table[0]) <= {"Experiment", "rev", "typ", "parent", "State", "gain.guidance"}
    assert "gain.guidance" in table[0]


def test_both_revisions_are_in_one_plot(repository: Path) -> None:
    [plot] = read_yaml(ROOT / "dvc.yaml")["plots"]
    text = run(repository, "dvc", "plots", "diff", "HEAD", "--json", "--split")
    [drawn] = json.loads(text)["data"][next(iter(plot))]
    assert {"HEAD", "workspace"} <= set(drawn["revisions"])
    rows: list[dict[str, Any]] = drawn["anchor_definitions"]["<DVC_METRIC_DATA>"]
    assert {row["study"] for row in rows} >= {"guidance", "guidance "}
    assert {"gain", "low", "high", "rev"} <= rows[0].keys()


def test_every_study_is_drawn_without_an_entry_of_its_own() -> None:
    entry = ENTRIES["summarize"]["do"]["plots"][-1]
    assert entry["reports/tables/${key}.csv"]["template"] == "alignment"
    templates = {path.stem for path in (ROOT / ".dvc" / "plots").glob("*.json")}
    assert templates == {"alignment", "gains"}
