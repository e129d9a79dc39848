"""docs/architecture.md says what the files say, and who encodes texts is who loads the encoder."""

import re
from pathlib import Path

import pytest

from tests.support.graph import MODULES, ROOT, STAGES, imported_files
from tools.write_architecture import (
    LIBRARY,
    OTHER_CODE,
    PAGE,
    fill,
    first_line,
    room_floors,
    written_page,
)

TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


def test_the_committed_page_is_what_the_tool_writes() -> None:
    assert written_page(ROOT) == TEXT, "run `python -m tools.write_architecture`"


def test_every_file_has_one_line() -> None:
    files = [file for folder in (LIBRARY, *OTHER_CODE) for file in (ROOT / folder).rglob("*.py")]
    linked = re.findall(r"^\| \[[^\]]+\]\(\.\./([^)]+\.py)\)", TEXT, re.MULTILINE)
    expected = {file.relative_to(ROOT).as_posix() for file in files if file.name != "__init__.py"}
    at_the_door = {f"{LIBRARY.as_posix()}/__main__.py"}
    assert len(linked) == len(set(linked))
    assert set(linked) == expected - at_the_door


def test_rooms_go_from_the_ground_up() -> None:
    floors = room_floors(ROOT)
    assert floors[0] == ["config"]
    assert floors[-1] == ["cli"]
    assert ["metrics", "sampling"] in floors
    rooms = {path.name for path in (ROOT / LIBRARY).iterdir() if (path / "__init__.py").is_file()}
    assert {room for floor in floors for room in floor} == rooms


def test_those_who_load_the_text_encoder_are_told() -> None:
    table = TEXT.split("## Who encodes texts")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
    told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    encoder = "src/zimage_eval/text/encoder.py"
    weights = {"models/${model}/text_encoder", "models/${item}"}
    loaded = {
        name
        for name, module in MODULES.items()
        if weights & set(STAGES[name]["deps"]) and encoder in imported_files(module)
    }
    assert told == loaded


@pytest.mark.parametrize(
    ("docstring", "cell"),
    [
        ('"""a | b -> <study>.json.\n\nMore."""', r"a \| b -> \<study>.json."),
        ('"""Say `<x> | *`, and *."""', r"Say `<x> \| *`, and \*."),
    ],
)
def test_a_first_line_is_a_cell(tmp_path: Path, docstring: str, cell: str) -> None:
    (tmp_path / "x.py").write_text(docstring)
    assert first_line(tmp_path / "x.py") == cell


def test_a_file_without_docstring_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("X = 1\n")
    with pytest.raises(ValueError, match=r"x\.py: no docstring"):
        first_line(tmp_path / "x.py")


def test_only_what_is_between_the_marks_changes() -> None:
    page = "before\n<!-- a -->\nold\n<!-- end of a -->\nafter\n"
    filled = "before\n<!-- a -->\n\nnew\n\n<!-- end of a -->\nafter\n"
    assert fill(page, "a", "new") == filled
    assert fill(filled, "a", "new") == filled
    with pytest.raises(ValueError, match="needs <!-- b -->"):
        fill(page, "b", "new")
