"""The house's own rules: how large files and folders may be, one name for one thing, tests."""

import ast
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.support.graph import MODULES, PACKAGES, PIPELINES
from tests.support.repository import ROOT
from zimage_eval.config.frozen import read_yaml
from zimage_eval.output.code_lists import CodeGraph

LIBRARY = Path("src/zimage_eval")
MOST_LINES = 400
MOST_FILES = 14
MOST_LINES_OF_THE_GRAPH = 350
PRONOUNS = frozenset(("one", "each", "found", "own", "seen", "made", "asked", "said"))
"""As names of locals they send a reader back to look for what they stand for."""
UNFINISHED = ("report", "benchmarks/comparison")
"""Rooms that still have such locals."""


def tracked(pattern: str) -> list[Path]:
    """Files of the work tree that git tracks or would track, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", pattern]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return sorted(Path(name) for name in set(done.stdout.split("\0")) if (ROOT / name).is_file())


CODE = tracked("*.py")
LIBRARY_FILES = [
    path
    for path in CODE
    if path.is_relative_to(LIBRARY) and path.name not in ("__init__.py", "__main__.py")
]


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def test_no_file_is_long() -> None:
    lengths = {path: len((ROOT / path).read_text().splitlines()) for path in CODE}
    assert {path: n for path, n in lengths.items() if n > MOST_LINES} == {}
    for path in PIPELINES:
        most = MOST_LINES_OF_THE_GRAPH if path.parent == ROOT else MOST_LINES
        assert len(path.read_text().splitlines()) <= most, path


def test_no_folder_is_full() -> None:
    sizes = Counter(path.parent for path in CODE)
    assert {folder: n for folder, n in sizes.items() if n > MOST_FILES} == {}


def test_no_public_name_of_the_library_stands_twice() -> None:
    places: dict[str, list[Path]] = {}
    for path in LIBRARY_FILES:
        for node in tree_of(path).body:
            names = []
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                names = [name for name in names if not name.isupper()]  # constants belong to a file
            for name in names:
                if not name.startswith("_"):
                    places.setdefault(name, []).append(path)
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def bound_names(tree: ast.Module) -> list[str]:
    """Every name that is assigned, looped over or taken as an argument, once a place."""
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)
             and isinstance(node.ctx, ast.Store)]  # fmt: skip
    return names + [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]


def test_locals_are_nouns() -> None:
    finished = [
        path
        for path in LIBRARY_FILES
        if not path.relative_to(LIBRARY).as_posix().startswith(UNFINISHED)
    ]
    assert len(finished) > 100
    counts = {path: sorted(PRONOUNS & set(bound_names(tree_of(path)))) for path in finished}
    assert {path: names for path, names in counts.items() if names} == {}


def test_no_test_imports_a_test() -> None:
    for path in CODE:
        if path.parts[0] != "tests":
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
                modules = [node.module, *(alias.name for alias in node.names)]
                assert not [m for m in modules if m and ".test_" in f".{m}"], path


ELSEWHERE: dict[str, str] = read_yaml(ROOT / "tests/pipeline/tested_elsewhere.yaml")
GRAPH = CodeGraph(ROOT, {**PACKAGES, "calibration": Path("calibration"), "tests": Path("tests")})


def own_test(path: Path) -> Path:
    """Where the tests of a library file stand."""
    return Path("tests") / path.relative_to(LIBRARY).parent / f"test_{path.name}"


def test_every_library_file_has_a_test_or_says_where_it_is_tested() -> None:
    without = {
        path.relative_to(LIBRARY).as_posix()
        for path in LIBRARY_FILES
        if own_test(path) not in CODE and Path("tests/parity") / own_test(path).name not in CODE
    }
    assert sorted(without - ELSEWHERE.keys()) == [], "no test, and not on the list"
    assert sorted(ELSEWHERE.keys() - without) == [], "on the list, and has a test or is gone"


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_tested_elsewhere_is_reached_from_there(name: str) -> None:
    test = Path("tests") / ELSEWHERE[name]
    is_smoke = test == Path("tests/pipeline/test_smoke.py")  # it runs every stage
    modules = MODULES.values() if is_smoke else [".".join(test.with_suffix("").parts)]
    assert test in CODE
    assert any((LIBRARY / name).as_posix() in GRAPH.reached_files(module) for module in modules)
