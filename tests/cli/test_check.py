"""`python -m zimage_eval check` speaks before DVC does."""

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.repository import ROOT
from zimage_eval.cli.commands import main

SIZES = (
    "prompts to screen + to confirm, of those there are: main 64 + 128 of 704, "
    "concepts 132 + 132 of 264"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The repository's parameters, prompts and questions without any weights or digests."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    models = tmp_path / "models"
    models.mkdir()
    for model in ("nano", "nano-base"):
        text = (ROOT / "models" / f"{model}.yaml").read_text(encoding="utf-8")
        (models / f"{model}.yaml").write_text(text[: text.index("# SHA-256")], encoding="utf-8")
    (models / "lpips-alexnet").symlink_to(ROOT / "models" / "lpips-alexnet")
    for folder in ("questions", "prompts"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "reports").mkdir()
    for folder in ("metrics", "benchmarks", "reports/figures", "reports/machine"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    return tmp_path


@pytest.fixture
def whole(project: Path, tiny_folder: Path) -> Path:
    """The same with a tiny model's weights."""
    shutil.copytree(tiny_folder, project / "models" / "nano")
    return project


def check(project: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of a check that finds something."""
    assert main(["--folder", str(project), "check"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert all(line.startswith("error: ") and len(line) < 1500 for line in lines), lines
    return lines


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_missing_weights_are_named_with_their_place(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = check(project, capsys)
    assert str(project / "models" / "nano") in line


def test_missing_weights_that_can_be_fetched_are_named_with_the_command(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = project / "models/nano.yaml"
    source = f'source: {{repository: a/b, revision: "{"0" * 40}", files: ["vae/*"]}}\n'
    model.write_text(model.read_text() + source)
    [line] = check(project, capsys)
    assert line.endswith("no such file; `python -m zimage_eval fetch nano` puts a/b there")


def test_all_weights_that_differ_from_the_stated_ones_are_named(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = whole / "models/nano"
    names = sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )
    lines = [f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (whole / "models/nano.sha256").write_text("".join(lines))
    assert main(["--folder", str(whole), "check"]) == 0
    assert capsys.readouterr().out.count("\n") == 2  # nothing that is not stated
    cut = folder / "transformer/diffusion_pytorch_model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-9])
    pointer = folder / "vae/diffusion_pytorch_model.safetensors"
    pointer.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    replace(folder / "scheduler/scheduler_config.json", "{", "{ ")
    first, second, third = check(whole, capsys)
    assert first.startswith(f"error: {cut}: is no whole safetensors file")
    assert second.startswith(f"error: {folder}/scheduler/scheduler_config.json: has sha256 ")
    assert f", {whole}/models/nano.sha256 states " in second
    assert third.startswith(f"error: {pointer}: is a Git LFS pointer")


def test_two_networks_of_other_digests_are_both_named(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("clip", "dinov2"):
        (whole / name).mkdir()
        for file in ("config.json", "model.safetensors"):
            (whole / name / file).write_text("{}")
    zeros = "0" * 64
    networks = f'clip: {{path: clip, sha256: "{zeros}"}}, dinov2: {{path: dinov2, sha256: {zeros}}}'
    replace(whole / "models/nano.yaml", "networks: {}", f"networks: {{{networks}}}")
    [line] = check(whole, capsys)
    assert "networks.dinov2.sha256: 0: YAML reads a digest without letters" in line
    replace(whole / "models/nano.yaml", f"sha256: {zeros}", f'sha256: "{zeros}"')
    first, second = check(whole, capsys)
    assert "networks.clip: " in first and "networks.dinov2: " in second
    assert all(sha256(b"{}").hexdigest() in line for line in (first, second))


def test_a_whole_model_is_in_order_and_what_is_not_stated_is_said(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--folder", str(whole), "check"]) == 0
    first, sizes, second = capsys.readouterr().out.splitlines()
    assert first == "nano (turbo): all that a run reads is in order"
    assert sizes == SIZES
    assert "nano.yaml states no sha256 of 11 files, such as model_index.json" in second


def test_a_folder_that_is_no_project_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [line] = check(tmp_path, capsys)
    assert line.startswith(f"error: {tmp_path / 'params.yaml'}: no such file; ")
    assert "--folder" in line


def test_nano_itself_is_in_order_without_torch() -> None:
    code = (
        "import sys; from zimage_eval.cli.commands import main; "
        "assert main(['check']) == 0; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    lines = ["nano (turbo): all that a run reads is in order", SIZES]
    assert (done.stdout.splitlines(), done.stderr) == (lines, "")


def test_an_output_that_takes_nothing_is_one_line() -> None:
    command = [sys.executable, "-m", "zimage_eval", "check"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 28] No space left on device\n"


def test_other_weights_than_the_stated_ones_are_refused_by_file(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(ROOT / "models" / "nano.yaml", whole / "models")
    lines = check(whole, capsys)
    assert any("transformer/diffusion_pytorch_model.safetensors: has sha256" in li for li in lines)
    assert all("nano.yaml states" in line for line in lines)


def test_more_prompts_than_there_are_is_one_line(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    replace(whole / "params.yaml", "num_prompts: 64", "num_prompts: 512")
    replace(whole / "params.yaml", "num_prompts: 128", "num_prompts: 256")
    [line] = check(whole, capsys)
    assert line.startswith(f"error: {whole / 'prompts/scenes'}: 512 + 256 of 704 prompts: category")
    assert line.endswith("128 prompts to screen and 64 to confirm are asked for, it has 176")


def test_several_problems_are_a_line_each(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (whole / "models/nano/vae/config.json").write_text("[]")
    replace(whole / "prompts/scenes/composition.yaml", "color: lime", "color: limee")
    replace(whole / "questions/a01-hidden-layer.yaml", "study: hidden_layer", "study: hidden_layr")
    (whole / "questions" / "b.yml").touch()
    prompts, weights, questions = check(whole, capsys)
    assert "composition.yaml: composition-" in prompts
    assert "color: the judge knows no 'limee', did you mean 'lime'?" in prompts
    assert "vae/config.json: must hold a JSON object, holds []" in weights
    assert "b.yml: is not read here; files to be read end in .yaml" in questions


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("a02-guidance.yaml", "{guidance:", "{guidence:", "did you mean 'guidance'?"),
        ("a02-guidance.yaml", "=0.0:alignment:.3f}", "=0.05:alignment:.3f}",
         "no variant of guidance is 'guidance_scale=0.05', did you mean 'guidance_scale="),
        ("a02-guidance.yaml", ":.3f}", ":.3q}", "'.3q' is no format of a number"),
        ("a02-guidance.yaml", "{guidance:", "{guidance :", "holds a brace that is of no"),
        ("a02-guidance.yaml", "claim:", "clame:", "unknown key 'clame'"),
        ("a01-hidden-layer.yaml", "study: hidden_layer", "study: hidden_layr",
         "study: no study is 'hidden_layr', did you mean 'hidden_layer'?"),
        ("a01-hidden-layer.yaml", "figures:\n- hidden_layer/heatmap.png",
         "figures:\n- hidden_layer/heatmp.png", "did you mean 'hidden_layer/heatmap.png'?"),
        ("a01-hidden-layer.yaml", "category: composition", "category: compositon",
         "category: none is 'compositon', did you mean 'composition'?"),
        ("a03-shift-steps.yaml", "num_inference_steps=50\"]", "num_inference_steps=55\"]",
         "rivals: no variant of shift_steps is 'shift=1.0,num_inference_steps=55', did you mean"),
        ("a03-shift-steps.yaml", "phase: screen", "phase: screan", "phase"),
        ("a03-shift-steps.yaml", "metric: alignment", "metric: alinment",
         "did you mean 'alignment"),
        ("a10-autoencoder.yaml", "benchmark: vae_roundtrip", "benchmark: vae_rountrip",
         "benchmark: none is 'vae_rountrip', did you mean 'vae_roundtrip'?"),
    ],
)  # fmt: skip
def test_a_typo_in_a_question_is_named_with_the_nearest_word(
    whole: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, words: str
) -> None:
    replace(whole / "questions" / file, old, new)
    lines = check(whole, capsys)
    assert all(str(whole / "questions" / file) in line for line in lines)
    assert words in lines[0]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("params.yaml", "phases_of:", "x_phases_of:", "params.yaml: unknown key 'x_phases_of'"),
        ("params.yaml", "seed: 0", "seed: " + "9" * 5000, "params.yaml: "),
        ("params.yaml", "      hidden_layer=raw_last:", f"      {'a' * 300}:", "300 characters"),
        ("params.yaml", "max_sequence_length: 128", "max_sequence_length: 100000",
         "attention over 100000 tokens takes tens of gigabytes; allowed: 16 to 8192"),
        ("params.yaml", "max_sequence_length: 128", "max_sequence_length: 1535",
         "is more than a caption can have; allowed with rope.table_length 1536: 16 to 1534"),
        ("params.yaml", "\n    prompts: concepts", "\n    prompts: concept",
         "did you mean 'concepts'?"),
        ("params.yaml", "num_prompts: 64", "num_prompts: 640000", ": 160000 prompts to screen"),
        ("models/nano.yaml", "height: 64", "height: 60", "image.height: 60 is not a multiple of 8"),
        ("models/nano.yaml", "title: nano (turbo)", f"title: [{'x' * 900}]", "..."),
        ("prompts/templates/scenes.yaml", "prefix: a crisp", "prefiks: a crisp", "prefiks"),
        ("models/nano.yaml", "  - alexnet", "  - vae", "one stands twice in vae, vae"),
        ("models/nano.yaml", "allowed: []", "allowed: [kd_vae]", "did you mean 'kid_vae'?"),
        ("questions/terms.yaml", "assay:", "asay:", "asay"),
    ],
)  # fmt: skip
def test_what_a_run_reads_is_read(
    whole: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, words: str
) -> None:
    replace(whole / file, old, new)
    assert any(words in line for line in check(whole, capsys))


def test_phases_of_that_is_left_out_is_named(
    whole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = whole / "params.yaml"
    text = path.read_text(encoding="utf-8")
    start, end = text.index("phases_of:"), text.index("studies:")
    path.write_text(text[:start] + text[end:], encoding="utf-8")
    assert any("phases_of: missing; {} gives all roles" in line for line in check(whole, capsys))


@pytest.mark.parametrize("key", ["refiner", "profile", "noise_scales"])
def test_a_study_is_not_named_like_what_another_stage_writes(
    whole: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    entry = "    question: x?\n    prompts: main\n    vary: {}\n    variants: {}\n    confirm:\n"
    replace(whole / "params.yaml", "\nstudies:\n", f"\nstudies:\n  {key}:\n{entry}")
    line = check(whole, capsys)[0]  # more are of what questions cite of the other
    assert f"params.yaml: studies.{key}: " in line
    assert f"dvc.yaml:{key} writes " in line


@pytest.mark.parametrize(
    ("name", "words"), [("scenez.yaml", "did you mean 'scenes'?"), ("scenes.yml", "end in .yaml")]
)
def test_templates_for_no_prompt_set_are_named(
    whole: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    (whole / "prompts" / "templates" / name).write_text("[]")
    [line] = check(whole, capsys)
    assert f"prompts/templates/{name}: " in line
    assert words in line


@pytest.mark.parametrize("margin", ["inf", "nan", "0", "-1"])
def test_a_margin_that_is_none_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], margin: str
) -> None:
    assert main(["--folder", str(project), "plan", f"--margin={margin}"]) == 2
    assert "must be a number above 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("written", "declared", "words"),
    [
        ("networks: {}", "networks: {vgg16: %s}", "no vgg16 weights at {0}/nowhere"),
        ("hand_labels:\n", "hand_labels: %s\n", "hand_labels: {0}/nowhere: no such file"),
        (
            "    source: scenes\n    num_images: 512\n",
            "    source: folder\n    path: nowhere\n    sha256: ''\n",
            "reference {0}/nowhere: No such file",
        ),
    ],
)
def test_a_declared_file_that_is_missing_is_named(
    whole: Path,
    capsys: pytest.CaptureFixture[str],
    written: str,
    declared: str,
    words: str,
) -> None:
    model = whole / "models" / "nano.yaml"
    text = model.read_text()
    assert written in text
    pinned = f"{{path: nowhere, sha256: '{'0' * 64}'}}"
    model.write_text(text.replace(written, declared.replace("%s", pinned)))
    named = words.format(whole)
    assert any(named in line for line in check(whole, capsys))
