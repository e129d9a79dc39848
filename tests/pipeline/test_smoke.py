"""The whole graph on a few prompts, in a copy of the tracked files with a cache of its own."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.graph import MODULES, ROOT, imported_files
from zimage_eval.config.frozen import read_yaml
from zimage_eval.config.params import load_params

READ_SECONDS = ("weigh_claims", "render_report")
"""Stages outside benchmarks/machine whose outputs hold what a machine took."""
STAGE_RUN = re.compile(r"^Running stage '(.+)':$", re.MULTILINE)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Clone:
    """A repository of its own, whose stages import its own code."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "src"),
            **environment,
        }

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}"
        return done.stdout

    def repro(self) -> set[str]:
        """Run `dvc repro` and return the stages that ran."""
        start = time.monotonic()
        ran = STAGE_RUN.findall(self.run("dvc", "repro"))
        print(f"dvc repro: {len(ran)} stages in {time.monotonic() - start:.0f} s")
        return set(ran)

    def commit(self) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "results")

    def restore(self) -> None:
        self.run("git", "reset", "--quiet", "--hard")
        self.run("dvc", "checkout", "--quiet")

    def locked(self) -> dict[str, Any]:
        """What every dvc.lock says of each stage, but for those that seconds go into."""
        return {
            name: stage
            for path in lock_paths(self.folder)
            for name, stage in read_yaml(path)["stages"].items()
            if path.parent.name != "machine" and name not in READ_SECONDS
        }


def lock_paths(folder: Path) -> list[Path]:
    """Every dvc.lock of a repository that has one."""
    paths = [folder / "dvc.lock", *sorted((folder / "benchmarks").glob("*/dvc.lock"))]
    return [path for path in paths if path.is_file()]


def outputs() -> set[str]:
    """What the graph makes, by dvc.lock: files and folders; all else in git came before it."""
    stages = [stage for path in lock_paths(ROOT) for stage in read_yaml(path)["stages"].values()]
    return {out["path"] for stage in stages for out in stage.get("outs", ())}


def make_clone(folder: Path) -> Clone:
    """Tracked files as they lie in the work tree, few prompts, results not made yet."""
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    made = outputs()
    for name in filter(None, tracked):
        if not (ROOT / name).exists() or made & {name, *map(str, Path(name).parents)}:
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    for path in lock_paths(folder):
        path.unlink()
    params = folder / "params.yaml"
    text = params.read_text()
    text = re.sub(r"num_prompts: 132", "num_prompts: 12", text)  # one of each concept
    text = re.sub(r"num_prompts: \d\d+\b(?<!: 12)", "num_prompts: 4", text)
    text = re.sub(r"capabilities: \w+", "capabilities:", text)
    params.write_text(re.sub(r"num_seeds: \d+", "num_seeds: 1", text))
    model = folder / "models" / load_params(params).model
    if not (model / "model_index.json").exists():
        from tests.support.models.tiny_model import build_tiny_model

        build_tiny_model(model)
    clone = Clone(folder)
    clone.run("git", "init", "--quiet")
    clone.run("git", "config", "user.name", "test")
    clone.run("git", "config", "user.email", "test@example.org")
    clone.commit()
    clone.run("git", "tag", "start")
    return clone


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone after its first `dvc repro`, results committed."""
    made = make_clone(tmp_path_factory.mktemp("clone"))
    made.repro()
    made.commit()
    return made


def test_reaches_the_report(clone: Clone) -> None:
    for key in load_params(clone.folder / "params.yaml").studies:
        assert (clone.folder / "metrics" / f"{key}.json").is_file()
        assert (clone.folder / "reports" / "tables" / f"{key}.csv").is_file()
        assert (clone.folder / "reports" / "figures" / key / "grid.png").is_file()
        assert key in (clone.folder / "reports" / "report.md").read_text()
    assert (clone.folder / "reports" / "report.html").is_file()
    assert (clone.folder / "reports" / "signatures.json").is_file()
    tracked = clone.run("git", "ls-files").splitlines()
    assert not [path for path in tracked if path.startswith("data/")]


def test_second_run_does_nothing_and_leaves_git_clean(clone: Clone) -> None:
    assert clone.repro() == set()
    assert clone.run("git", "status", "--porcelain") == ""


def test_a_comment_reruns_the_list_alone(clone: Clone) -> None:
    path = clone.folder / "src/zimage_eval/model/rope.py"
    path.write_text("# A comment.\n" + path.read_text().replace('"""', '"""Said otherwise. ', 1))
    assert clone.repro() == {"code"}
    clone.restore()


def test_an_edit_reruns_what_imports_it_and_nothing_else(clone: Clone) -> None:
    path = clone.folder / "src/zimage_eval/model/rope.py"
    path.write_text(path.read_text() + "\n\ndef added() -> int:\n    return 1\n")
    assert set(STAGE_RUN.findall(clone.run("dvc", "repro", "code"))) == {"code"}
    changed = json.loads(clone.run("dvc", "status", "--json"))
    stages = {name.rpartition(":")[2].partition("@")[0] for name in changed}
    reaches = {
        name
        for name, module in MODULES.items()
        if name != "code" and "src/zimage_eval/model/rope.py" in imported_files(module)
    }
    assert stages == reaches
    assert stages >= {"generate_images", "trials", "conditioning", "throughput"}
    assert not stages & {"extract_embeddings", "compute_scores", "summarize", "weigh_claims"}
    clone.restore()


def test_editing_a_study_reruns_it_alone(clone: Clone) -> None:
    params = clone.folder / "params.yaml"
    text = params.read_text()
    assert "        - 5.0\n" in text
    params.write_text(text.replace("        - 5.0\n", "        - 4.0\n"))
    assert clone.repro() == {
        "expand_studies",
        "extract_embeddings",
        "generate_images@guidance",
        "compute_features@guidance",
        "compute_scores@guidance",
        "summarize@guidance",
        "benchmarks/pictures/dvc.yaml:noise_scales",
        "benchmarks/weights/dvc.yaml:embedding_cache",
        "benchmarks/weights/dvc.yaml:schedules",
        "weigh_claims",
        "measure_judge",
        "collect_headline",
        "render_report",
    }
    changed = clone.run("git", "diff", "--name-only").splitlines()
    assert not [path for path in changed if "hidden_layer" in path or "shift_steps" in path]
    change = clone.run("dvc", "metrics", "diff", "--md", "--targets", "metrics/guidance.json")
    assert "guidance_scale=4.0" in change
    clone.restore()


def test_rewording_a_question_draws_nothing(clone: Clone) -> None:
    params = clone.folder / "params.yaml"
    text = params.read_text()
    params.write_text(text.replace("question: Which shift", "question: What shift"))
    assert clone.repro() == {"expand_studies", "render_report"}
    clone.restore()


def test_plots_and_experiments_work(clone: Clone) -> None:
    clone.run("dvc", "plots", "show")
    assert (clone.folder / "dvc_plots" / "index.html").is_file()
    shutil.rmtree(clone.folder / "dvc_plots")
    values = "studies.guidance.vary.sampler.guidance_scale=[0.0,1.0]"
    output = clone.run("dvc", "exp", "run", "--set-param", values)
    assert "summarize@guidance" in STAGE_RUN.findall(output)
    assert not [stage for stage in STAGE_RUN.findall(output) if stage.endswith("@hidden_layer")]
    clone.restore()


def test_the_lock_is_the_same_without_the_image_store(clone: Clone, tmp_path: Path) -> None:
    other = Clone(tmp_path / "no_store", ZIMAGE_EVAL_STORE="off")
    clone.run("git", "clone", "--quiet", "--branch", "start", ".", str(other.folder))
    other.repro()
    assert not list(other.folder.rglob("zimage-eval-images"))
    assert len(clone.locked()) > 60
    assert other.locked() == clone.locked()
