"""What docs/how-to/ tells people to do is done in a copy of the repository, and works.

The blocks are taken from the pages. The sentence above a block names its file, and `above` or
`below` a line of it; a file that is named without a line is new.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from calibration.scorecard.find_answers import read_scores
from tests.support.fakes.fake_claims import measure
from tests.support.fakes.fake_reports import word_of
from tests.support.graph import ROOT, STAGES
from zimage_eval.cli.commands import main
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import load_params
from zimage_eval.prompts.templates import study_variants
from zimage_eval.questions.measurements import StudyScores
from zimage_eval.questions.questions import load_questions

HOW_TO = ROOT / "docs" / "how-to"
PARAMS = ROOT / "params.yaml"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"`([^`]+)`(?:, (above|below) `([^`]+)`)?$")
COPIED = ("benchmarks", "calibration", "src", "stages", "tests", "tools", "dvc.yaml", "params.yaml")


class Step(NamedTuple):
    """A block of a page and where it goes."""

    file: str
    side: str | None
    """`above` or `below`; None for a new file."""
    line: str | None
    text: str


def page_blocks(page: str, language: str) -> list[str]:
    """The page's blocks of a language."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    return [match[2] for match in BLOCK.finditer(text) if match[1] == language]


def page_steps(page: str) -> list[Step]:
    """The page's blocks of YAML and Python, each with the place that the words above it name."""
    text = (HOW_TO / page).read_text(encoding="utf-8")
    steps = []
    for match in BLOCK.finditer(text):
        if match[1] in ("python", "yaml"):
            words = " ".join(text[: match.start()].rstrip().split("\n\n")[-1].split())
            place = PLACE.search(words.rstrip(":"))
            assert place, f"{page}: where does the block after {words!r} go?"
            steps.append(Step(place[1], place[2], place[3], match[2]))
    return steps


def take_step(step: Step, root: Path) -> None:
    """Write or edit the file that a step names."""
    path = root / step.file
    if step.line is None:
        assert path.parent.is_dir(), f"{step.file}: its folder does not exist"
        assert not path.exists(), f"{step.file} is not new"
        path.write_text(step.text, encoding="utf-8")
        return
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    [place] = [number for number, line in enumerate(lines) if line.strip() == step.line]
    if step.side == "below":
        lines.insert(place + 1, step.text)
    else:
        is_inside = step.text.startswith(" ")  # an entry, not a function or class of its own
        lines.insert(place, step.text if is_inside else f"{step.text}\n\n")
    path.write_text("".join(lines), encoding="utf-8")


def copy_repository(root: Path) -> None:
    """The code and its declarations; weights and prompts are links, for nothing changes them."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.parquet", "*.lock", "guidance_arms")
            shutil.copytree(ROOT / name, root / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, root / name)
    for name in ("models", "prompts", "questions", "pyproject.toml", "docs"):
        (root / name).symlink_to(ROOT / name)


def followed_page(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which every step of `<name>.md` was taken."""
    root = tmp_path_factory.mktemp(name)
    copy_repository(root)
    for step in page_steps(f"{name}.md"):
        take_step(step, root)
    return root


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the study of the page."""
    root = tmp_path_factory.mktemp("study")
    shutil.copy2(ROOT / "params.yaml", root)
    for name in (
        "models",
        "prompts",
        "questions",
        "metrics",
        "reports",
    ):  # questions name the last two
        (root / name).symlink_to(ROOT / name)
    [step] = page_steps("study.md")
    take_step(step, root)
    return root


def test_the_plan_has_the_line_of_the_page(
    study_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line, _ = page_blocks("study.md", "text")
    assert main(["--folder", str(study_folder), "plan"]) == 0
    assert line.split() in [row.split() for row in capsys.readouterr().out.splitlines()]


def test_the_study_is_in_order(study_folder: Path) -> None:
    assert main(["--folder", str(study_folder), "check"]) == 0


def test_the_variants_are_those_of_the_page(study_folder: Path) -> None:
    params = load_params(study_folder / "params.yaml")
    spec = load_model_spec(study_folder / "models" / f"{params.model}.yaml")
    study = params.get_study("guided_shift")
    variants = study_variants(study, spec, study_folder / "prompts" / "templates")
    _, names = page_blocks("study.md", "text")
    assert [variant.name for variant in variants] == names.split()
    assert [variant.is_baseline for variant in variants] == [True, False, False, False, False]
    assert [variant.settings.sampler.guidance_scale for variant in variants] == [0, 1, 0, 1, 1]
    assert variants[-1].settings.sampler.num_inference_steps == 4


def test_the_study_of_the_readme_is_one(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [entry] = [m[2] for m in BLOCK.finditer(text) if m[2].startswith("studies:\n")]
    shutil.copy2(ROOT / "params.yaml", tmp_path)
    take_step(Step("params.yaml", "below", "studies:", entry.partition("\n")[2]), tmp_path)
    new = load_params(tmp_path / "params.yaml").studies.keys() - load_params(PARAMS).studies.keys()
    [key] = new
    assert key not in STAGES, "a study and a benchmark would write one file"


def test_no_study_has_the_name_of_a_benchmark(study_folder: Path) -> None:
    assert not load_params(study_folder / "params.yaml").studies.keys() & STAGES.keys()


@pytest.fixture(scope="module")
def benchmark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the benchmark of the page."""
    return followed_page("benchmark", tmp_path_factory)


def run(folder: Path, *command: str) -> None:
    """Run a module in a copy, which imports its own code alone."""
    paths = os.pathsep.join([str(folder / "src"), str(folder)])
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_benchmark_passes_its_own_tests_and_those_of_every_stage(
    benchmark_folder: Path,
) -> None:
    tests = ("tests/pipeline/test_definition.py", "tests/benchmarks/limits/test_prompt_lengths.py")
    chosen = "prompt_lengths or every_stage_file or results_are_in_git"
    run(benchmark_folder, "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", chosen)


def test_the_benchmark_is_written_as_the_house_writes(benchmark_folder: Path) -> None:
    files = [step.file for step in page_steps("benchmark.md") if step.file.endswith(".py")]
    run(benchmark_folder, "ruff", "check", "--no-cache", *files)
    run(benchmark_folder, "ruff", "format", "--no-cache", "--check", *files)


def test_dvc_reads_the_stage(benchmark_folder: Path) -> None:
    if not (benchmark_folder / ".dvc").exists():
        run(benchmark_folder, "dvc", "init", "--quiet", "--no-scm")
    run(benchmark_folder, "dvc", "stage", "list", "benchmarks/weights/dvc.yaml:prompt_lengths")


@pytest.fixture(scope="module")
def metric_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the metric of the page."""
    return followed_page("metric", tmp_path_factory)


def test_a_metric_without_a_version_of_its_code_is_refused(metric_folder: Path) -> None:
    versions = "tests/metrics/versions.yaml"
    assert "rms_contrast" not in (metric_folder / versions).read_text()
    with pytest.raises(AssertionError, match=r"pictures has no rms_contrast; run `python -m tools"):
        run(
            metric_folder,
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/metrics/test_versions.py",
        )
    run(metric_folder, "tools.write_metric_digests")
    lines = set((metric_folder / versions).read_text().splitlines())
    [new] = lines - set((ROOT / versions).read_text().splitlines())
    assert new.startswith("  rms_contrast: {version: 1, digest: ")


def test_the_metric_passes_its_own_tests_and_those_of_every_metric(metric_folder: Path) -> None:
    """Its own tests see its numbers come out of the scoring stage."""
    run(metric_folder, "tools.write_metric_digests")
    names = ("rms_contrast", "versions", "catalogue", "signatures")
    tests = [f"tests/metrics/test_{name}.py" for name in names]
    run(
        metric_folder,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        *tests,
        "tests/config/test_metrics.py",
    )


def test_the_metric_is_written_as_the_house_writes(metric_folder: Path) -> None:
    files = [step.file for step in page_steps("metric.md")]
    run(metric_folder, "ruff", "check", "--no-cache", *files)
    run(metric_folder, "ruff", "format", "--no-cache", "--check", *files)


@pytest.fixture(scope="module")
def question_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the question, the kind of claim and the rule of the page."""
    root = tmp_path_factory.mktemp("question")
    copy_repository(root)
    (root / "questions").unlink()  # a link, and a page is written into the folder
    shutil.copytree(ROOT / "questions", root / "questions")
    for name in ("metrics", "reports"):
        (root / name).symlink_to(ROOT / name)
    for step in page_steps("question.md"):
        take_step(step, root)
    return root


def test_the_question_the_kind_of_claim_and_the_rule_are_in_order(question_folder: Path) -> None:
    run(question_folder, "zimage_eval", "--folder", str(question_folder), "check")
    tests = ("tests/questions/claims", "tests/questions/rules")
    chosen = "not page_on_questions"  # the page's table does not list the rule that it adds
    run(question_folder, "pytest", "-q", "-p", "no:cacheprovider", *tests, "-k", chosen)


def test_the_kind_and_the_rule_are_written_as_the_house_writes(question_folder: Path) -> None:
    files = {step.file for step in page_steps("question.md") if step.file.endswith(".py")}
    run(question_folder, "ruff", "check", "--no-cache", *sorted(files))
    run(question_folder, "ruff", "format", "--no-cache", "--check", *sorted(files))


def test_the_evidence_is_what_the_page_on_questions_says(tmp_path: Path) -> None:
    step = page_steps("question.md")[0]
    (tmp_path / Path(step.file).name).write_text(step.text, encoding="utf-8")
    [question] = load_questions(tmp_path).values()
    rows = read_scores(ROOT / "calibration/families/nano/results", "steps").to_dict("records")
    studies = {"steps": StudyScores(rows, "num_inference_steps=8")}
    evidence = question.claim.weigh(measure(studies=studies))
    assert word_of(evidence, 0.001) == "no: differs_more"


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that studies the model of the page, with the weights of nano-base."""
    root = tmp_path_factory.mktemp("model")
    for name in ("prompts", "questions", "metrics", "reports"):
        (root / name).symlink_to(ROOT / name)
    (root / "models").mkdir()
    for path in sorted((ROOT / "models").iterdir()):
        (root / "models" / path.name).symlink_to(path)
    [step] = page_steps("model.md")
    take_step(step, root)
    (root / "models/nano-tuned").symlink_to(ROOT / "models/nano-base")
    text = PARAMS.read_text(encoding="utf-8")
    (root / "params.yaml").write_text(text.replace("\nmodel: nano\n", "\nmodel: nano-tuned\n"))
    return root


def test_the_model_is_in_order_and_can_be_planned(
    model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(model_folder), "check"]) == 0
    assert "nano-tuned" in capsys.readouterr().out
    assert main(["--folder", str(model_folder), "plan"]) == 0


def test_the_model_draws_a_picture(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    picture = tmp_path / "star.png"
    text = (HOW_TO / "model.md").read_text(encoding="utf-8")
    [words] = [line for line in text.splitlines() if "zimage_eval generate" in line]
    command = [word.replace("star.png", str(picture)) for word in shlex.split(words)[3:]]
    assert main(["--folder", str(model_folder), *command]) == 0
    assert picture.stat().st_size > 0


def test_the_file_of_the_model_lists_every_part_of_its_folder() -> None:
    text = (HOW_TO / "model.md").read_text(encoding="utf-8")
    parts = set(re.findall(r"^        (\w+)/ ", text, re.MULTILINE))
    assert parts == {path.name for path in (ROOT / "models/nano-base").iterdir() if path.is_dir()}


@pytest.fixture(scope="module")
def judge_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the judge of the page."""
    root = followed_page("judge", tmp_path_factory)
    run(root, "tools.write_metric_digests")
    return root


def test_the_judge_passes_its_own_tests_and_those_of_every_judge(judge_folder: Path) -> None:
    names = ("judges/test_palette", "test_versions", "test_catalogue", "test_signatures")
    tests = [f"tests/metrics/{name}.py" for name in names]
    run(judge_folder, "pytest", "-q", "-p", "no:cacheprovider", *tests)
    chosen = "every_judge"
    run(
        judge_folder,
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/report/test_report.py",
        "-k",
        chosen,
    )


def test_the_judge_is_written_as_the_house_writes(judge_folder: Path) -> None:
    files = sorted({step.file for step in page_steps("judge.md")})
    run(judge_folder, "ruff", "check", "--no-cache", *files)
    run(judge_folder, "ruff", "format", "--no-cache", "--check", *files)


@pytest.mark.parametrize(
    "page", ["judge.md", "model.md", "study.md", "benchmark.md", "metric.md", "question.md"]
)
def test_files_you_touch_are_those_of_the_steps(page: str) -> None:
    text = (HOW_TO / page).read_text(encoding="utf-8")
    table = text.split("\n## Files you touch\n")[1]
    named = set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE))
    assert {step.file for step in page_steps(page)} <= named


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("Somewhere.\n\n```yaml\na: 1\n```\n", "where does the block"),
        ("In `src/zimage_eval/no/such.py`\n\n```python\n1\n```\n", "its folder does not exist"),
        ("In `params.yaml`\n\n```yaml\na: 1\n```\n", "is not new"),
    ],
)
def test_a_page_that_names_no_place_is_refused(
    words: str, error: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "HOW_TO", tmp_path)
    (tmp_path / "page.md").write_text(words)
    (tmp_path / "params.yaml").write_text("")
    with pytest.raises(AssertionError, match=error):
        for step in page_steps("page.md"):
            take_step(step, tmp_path)
