"""The door: help at once, errors in one line, and every command from any folder."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.projects.toy_project import PARAMS, SPEC, enter_project, save_yaml
from tests.support.repository import ROOT
from zimage_eval.cli import commands
from zimage_eval.cli.commands import COMMANDS, main

HEAVY = {"torch", "numpy", "scipy", "rich", "zimage_eval.config"}
FROM_ELSEWHERE = {
    "check": ([], 0, "nano (turbo): all that a run reads is in order"),
    "fetch": (["nano"], 1, "its weights come with the repository"),
    "generate": (["x", "--model", "nowhere", "--output", "x.png"], 1, "no such model 'nowhere'"),
    "label-sheet": (
        ["data/nowhere", "data/prompts.parquet", "--num-images", "1", "--seed", "0"],
        1,
        f"{ROOT / 'data' / 'nowhere' / 'images.parquet'}",
    ),
    "measure": (["profile", "--model", "nowhere", "--output", "x"], 1, "no such model 'nowhere'"),
    "plan": ([], 0, "shift_steps"),
    "predict": (["a red star"], 1, f"{ROOT / 'reports' / 'prompt_predictor.json'}: not offered"),
    "rows": ([], 0, "Keep the recommended hidden layer;"),
    "stale": (["--file", "src/zimage_eval/model/rope.py"], 0, "stages import src/zimage_eval/mod"),
    "store": (["--yes"], 2, "--yes: is for --prune alone"),
}
"""Of each command: arguments, the exit code with `--folder`, and words that it prints."""


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_answers_without_any_library_but_typer(command: str) -> None:
    words = [command, "--help"] if command else ["--help"]
    code = (
        f"import sys; from zimage_eval.cli.commands import main; assert main({words}) == 0; "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *text, modules = done.stdout.splitlines()
    assert text[0].startswith(f"Usage: python -m zimage_eval {command}".rstrip())
    assert HEAVY.isdisjoint(modules.split())


def test_the_overview_has_a_whole_sentence_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "..." not in text.replace("COMMAND [ARGS]...", "")
    for name in COMMANDS:
        [line] = [line for line in text.splitlines() if line.startswith(f"  {name} ")]
        assert line.endswith(".")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("chek", "'chek'. Did you mean 'check'?"),
        ("plan --margn 1", "--margn (Possible options: --margin)"),
        ("plan --margin x", "'--margin'"),
        ("check --folder x", "--folder stands before the command"),
        ("measure troughput --output x", "BENCHMARK: 'troughput', did you mean 'throughput'?"),
        ("generate", "prompt"),
        ("fetch z-image-turb", "NAME: 'z-image-turb', did you mean 'z-image-turbo'?"),
        ("stale --file nowhere.py", "--file: nowhere.py: no such file"),
        ("", "Missing command"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    assert main(line.split()) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ") and words in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError("4 GiB"), 1, "out of memory: 4 GiB"),
        (ValueError("a.yaml: b\n  c"), 1, "a.yaml: b c"),
        (FileNotFoundError(2, "No such file", "a"), 1, "[Errno 2] No such file: 'a'"),
    ],
)
def test_what_stops_a_command_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    def stop() -> None:
        """Stop."""
        raise error

    monkeypatch.setattr(sys, "stdout", sys.stdout)  # which is closed on an error of files
    monkeypatch.setitem(commands.COMMANDS, "plan", commands.Command(stop))
    assert main(["plan"]) == code
    assert capsys.readouterr().err == f"error: {line}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_works_from_any_folder(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words, code, text = FROM_ELSEWHERE[command]
    monkeypatch.chdir(tmp_path)
    assert main(["--folder", str(ROOT), command, *words]) == code
    printed = capsys.readouterr()
    assert text in printed.out + printed.err
    assert list(tmp_path.iterdir()) == []


def test_a_machine_is_measured_from_any_folder(
    tiny_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    params = {**PARAMS, "benchmarks": {"profile": {"num_repeats": 1}}}
    enter_project(project, tiny_folder, params, monkeypatch, SPEC)
    facts = {"objects": [{"name": "star"}]}
    prompts = [
        {"id": f"object-{index}", "text": text, "facts": facts}
        for index, text in enumerate(["a red star", "a blue star"])
    ]
    (project / "prompts" / "scenes").mkdir(parents=True)
    save_yaml(project / "prompts" / "scenes" / "object.yaml", prompts)
    monkeypatch.chdir(elsewhere)
    capsys.readouterr()
    assert main(["--folder", str(project), "measure", "profile", "--output", "out"]) == 0
    rows = json.loads((elsewhere / "out" / "profile.json").read_text())["rows"]
    head, columns, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("profile of tiny")
    assert "seconds" in columns.split()
    assert [line.split()[0] for line in lines] == list(rows)


def test_a_benchmark_without_an_entry_is_refused_before_torch(tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text("benchmarks: {}\n")
    words = ["--folder", str(ROOT), "measure", "kernels", "--output", "x"]
    words += ["--entries", str(tmp_path / "none.yaml")]
    code = (
        f"import sys; from zimage_eval.cli.commands import main; assert main({words}) == 1; "
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "error: params.yaml: benchmarks has no entry 'quantization'\n"
