"""Which edits change which lists of code, and which leave all of them as they are."""

import ast
import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.support.graph import MODULES, PACKAGES, ROOT, imported_files
from zimage_eval.output.code_lists import (
    CodeGraph,
    changed_stages,
    locked_digests,
    syntax_text,
    write_code_lists,
)

FILES = {
    "src/zimage_eval/__init__.py": "",
    "src/zimage_eval/rope.py": '"""Turns."""\n\n\ndef turn(x):\n    """Turn x."""\n    return x\n',
    "src/zimage_eval/pairs.py": "from zimage_eval.rope import turn\n\nPAIR = turn(2)\n",
    "src/zimage_eval/alone.py": "ONE = 1\n",
    "stages/__init__.py": "",
    "stages/code.py": "",
    "stages/draw.py": "def main():\n    from zimage_eval.pairs import PAIR\n",
    "stages/machine/__init__.py": "",
    "stages/machine/time.py": "import zimage_eval.alone\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    lock(tmp_path, write_code_lists(CodeGraph(tmp_path, PACKAGES), tmp_path / "lists"))
    return tmp_path


def lock(repository: Path, lists: Mapping[str, str]) -> None:
    """Write what DVC locks of stages that ran with these lists; `draw` is repeated."""
    names = {"draw@one": "draw", "draw@two": "draw", "time": "time"}
    stages = {}
    for key, name in names.items():
        digest = hashlib.md5(lists[name].encode()).hexdigest()
        stages[key] = {"cmd": "x", "deps": [{"path": f"data/code/{name}.txt", "md5": digest}]}
    with (repository / "dvc.lock").open("w") as file:
        YAML().dump({"schema": "2.0", "stages": stages}, file)


def changed(repository: Path) -> dict[str, list[str]]:
    locked = locked_digests([repository / "dvc.lock"])
    return changed_stages(CodeGraph(repository, PACKAGES), locked, repository / "lists")


def test_a_stage_reaches_what_it_imports_and_nothing_else(repository: Path) -> None:
    lists = write_code_lists(CodeGraph(repository, PACKAGES), repository / "lists")
    files = {name: [line.split()[0] for line in text.splitlines()] for name, text in lists.items()}
    assert files == {
        "draw": [
            "src/zimage_eval/__init__.py",
            "src/zimage_eval/pairs.py",
            "src/zimage_eval/rope.py",
            "stages/__init__.py",
            "stages/draw.py",
        ],
        "time": [
            "src/zimage_eval/__init__.py",
            "src/zimage_eval/alone.py",
            "stages/__init__.py",
            "stages/machine/__init__.py",
            "stages/machine/time.py",
        ],
    }


@pytest.mark.parametrize(
    "text",
    [
        FILES["src/zimage_eval/rope.py"] + "\n# a comment\n",
        FILES["src/zimage_eval/rope.py"].replace("Turn x.", "Say it otherwise."),
        FILES["src/zimage_eval/rope.py"].replace('"""Turns."""', ""),
        "def turn(  x ):\n\treturn (x)",
    ],
)
def test_words_and_layout_change_no_list(repository: Path, text: str) -> None:
    (repository / "src/zimage_eval/rope.py").write_text(text)
    assert changed(repository) == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [("return x", "return -x"), ("turn(x)", "turn(x, y=1)"), ("return x", "return 'x'")],
)
def test_an_edit_changes_the_lists_of_those_that_import_it(
    repository: Path, old: str, new: str
) -> None:
    path = repository / "src/zimage_eval/rope.py"
    path.write_text(path.read_text().replace(old, new))
    assert changed(repository) == {"draw": ["src/zimage_eval/rope.py"]}


def test_an_import_more_changes_the_list(repository: Path) -> None:
    path = repository / "stages/machine/time.py"
    path.write_text(path.read_text() + "import zimage_eval.rope\n")
    assert changed(repository) == {"time": ["src/zimage_eval/rope.py", "stages/machine/time.py"]}


def test_a_file_that_is_renamed_changes_the_list(repository: Path) -> None:
    (repository / "src/zimage_eval/rope.py").rename(repository / "src/zimage_eval/turns.py")
    path = repository / "src/zimage_eval/pairs.py"
    path.write_text(path.read_text().replace("rope", "turns"))
    assert list(changed(repository)) == ["draw"]


def test_two_stages_of_one_name_are_refused(repository: Path) -> None:
    shutil.copy(repository / "stages/draw.py", repository / "stages/machine/draw.py")
    with pytest.raises(ValueError, match=r"named draw: stages\.draw, stages\.machine\.draw"):
        CodeGraph(repository, PACKAGES).stage_modules()


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("x = None", "x=None"),
        ("def f():\n  'd'\n  return 1", "def f(): return 1"),
        ("class A:\n  x: int\n  'of x'", "class A:\n  x: int"),
    ],
)
def test_equal_code_says_the_same(text: str, same: str) -> None:
    assert syntax_text(ast.parse(text)) == syntax_text(ast.parse(same))


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("x = None", "x = 'None'"),
        ("x = 1", "x = 1.0"),
        ("x = 'a'", "x = b'a'"),
        ("f(a, *b)", "f(*b, a)"),
        ("x = ['doc']", "x = []"),
        ("for a in b: pass\nelse: c", "for a in b: pass\nc"),
        ("def f(a, b=1): pass", "def f(a, *, b=1): pass"),
        ("async def f(): pass", "def f(): pass"),
        ("x: int = 1", "x = 1"),
    ],
)
def test_other_code_says_something_else(text: str, other: str) -> None:
    assert syntax_text(ast.parse(text)) != syntax_text(ast.parse(other))


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"code"}))
def test_every_stage_of_the_graph_reaches_what_it_loads(name: str) -> None:
    files = imported_files(MODULES[name])
    assert f"{MODULES[name].replace('.', '/')}.py" in files
    assert all((ROOT / file).is_file() for file in files)
    assert not [file for file in files if file.startswith("calibration")]


def test_a_list_that_was_rewritten_but_not_run_is_still_another(repository: Path) -> None:
    path = repository / "src/zimage_eval/rope.py"
    path.write_text(path.read_text().replace("return x", "return -x"))
    write_code_lists(CodeGraph(repository, PACKAGES), repository / "lists")  # `dvc repro code`
    assert changed(repository) == {"draw": []}


def test_in_a_fresh_clone_only_the_lock_says_what_ran(repository: Path) -> None:
    shutil.rmtree(repository / "lists")
    assert changed(repository) == {}
    (repository / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert changed(repository) == {"draw": [], "time": []}
