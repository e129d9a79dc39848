"""Every command line of the documents can be typed: its module, sub-command and options exist."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.graph import code_graph
from tests.support.repository import ROOT
from zimage_eval.cli.commands import COMMANDS as DOOR

DOCUMENTS = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("models/*/README.md")),
    *sorted(ROOT.glob("calibration/**/*.md")),
    ROOT / "prompts" / "README.md",
]
LIBRARY = "zimage_eval"
HANDED_ON = {"calibration.study.calibrate": "calibration.study.run_study"}
"""A command's unknown options are those of another one."""


class CommandLine(NamedTuple):
    """What a document says to type."""

    document: str
    module: str
    arguments: str


def command_lines(text: str, document: str) -> list[CommandLine]:
    """The `python -m ...` of a Markdown text: inline code, which may be broken, and indented lines.

    `python -m some.package.<name>` is no command.
    """
    blocks = re.sub(r"\\\n\s+", "", text)
    indented = re.findall(r"^ {4,}python -m (.*)$", blocks, re.MULTILINE)
    inline = re.findall(r"`python\s+-m\s+([^`]+)`", re.sub(r"^ {4,}.*$", "", blocks, flags=re.M))
    lines = [
        " ".join(words.split()) for words in [*indented, *inline] if "<" not in words.split()[0]
    ]
    return [CommandLine(document, *line.partition(" ")[::2]) for line in lines]


COMMANDS = sorted(
    {
        line
        for path in DOCUMENTS
        for line in command_lines(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    }
)


def test_command_lines_are_found_wherever_they_stand() -> None:
    text = (
        "Type `python -m\nstages.summarize baseline`, or\n\n    python -m calibration.train \\\n"
        "        --out models\n\nas in `python -m calibration.<name>`.\n"
    )
    assert command_lines(text, "x.md") == [
        CommandLine("x.md", "calibration.train", "--out models"),
        CommandLine("x.md", "stages.summarize", "baseline"),
    ]
    assert len(COMMANDS) > 20
    assert {line.document for line in COMMANDS} > {"README.md", "calibration/README.md"}


@cache
def command_file(module: str) -> Path | None:
    """The file that `python -m module` runs; None where there is none."""
    graph = code_graph()
    file = graph.module_file(module)
    if file is not None and file.name == "__init__.py":
        file = graph.module_file(f"{module}.__main__")
    return None if file is None else ROOT / file


def declared_options(module: str) -> set[str]:
    """The options that the parser in a command's file knows."""
    file = command_file(module)
    assert file is not None
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    texts = {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    return {text for text in texts if text.startswith("--")}


def options_of(line: CommandLine) -> set[str]:
    return set(re.findall(r"(?<!\S)--[a-z-]+", line.arguments))


@pytest.mark.parametrize("line", COMMANDS, ids=str)
def test_the_module_is_a_command(line: CommandLine) -> None:
    file = command_file(line.module)
    assert file is not None and "__main__" in file.name + file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "line", [command for command in COMMANDS if command.module != LIBRARY], ids=str
)
def test_its_options_are_declared(line: CommandLine) -> None:
    declared = declared_options(line.module)
    if line.module in HANDED_ON:
        declared |= declared_options(HANDED_ON[line.module])
    assert options_of(line) <= declared


@cache
def help_of(*command: str) -> str:
    """What `python -m zimage_eval --help` prints, or that of a command."""
    done = subprocess.run(
        [sys.executable, "-m", LIBRARY, *command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    "line", [command for command in COMMANDS if command.module == LIBRARY], ids=str
)
def test_the_librarys_commands_answer_for_help(line: CommandLine) -> None:
    words = [word for word in line.arguments.split() if word in DOOR]
    text = help_of() + help_of(*words[:1])
    assert words or not line.arguments
    assert not [option for option in options_of(line) if option not in text]


def test_calibrations_table_of_rooms_names_every_command() -> None:
    text = (ROOT / "calibration" / "README.md").read_text(encoding="utf-8")
    rows = text.partition("| room |")[2].partition("\n\n")[0].splitlines()
    named = {name for row in rows for name in re.findall(r"`(\w+(?:\.\w+)?)`", row.split("|")[-2])}
    commands = set()
    for file in sorted((ROOT / "calibration").glob("*/*.py")):
        if '__name__ == "__main__"' in file.read_text(encoding="utf-8"):
            parts = file.relative_to(ROOT / "calibration").with_suffix("").parts
            commands.add(".".join(part for part in parts if part != "__main__"))
    assert named == commands
