"""Calibration in order: rooms that say what they hold, and names that mean one thing."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT


def public_names(file: Path) -> Iterator[str]:
    """Classes and functions that a module defines for others."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node.name


def test_a_room_says_what_it_holds() -> None:
    for file in (ROOT / "calibration").rglob("__init__.py"):
        assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))), file


def test_no_name_of_calibration_stands_twice_or_in_the_library() -> None:
    owners: dict[str, list[str]] = defaultdict(list)
    for folder in ("src", "calibration", "tools"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for name in public_names(file):
                if name != "main":
                    owners[name].append(str(file.relative_to(ROOT)))
    shared = {
        name: files
        for name, files in owners.items()
        if len(files) > 1 and any(not file.startswith("src") for file in files)
    }
    assert not shared
