"""Write the tables of docs/architecture.md: `python -m tools.write_architecture`."""

import ast
import re
import tomllib
from pathlib import Path

PAGE = Path("docs/architecture.md")
LIBRARY = Path("src/zimage_eval")
OTHER_CODE = (Path("stages"), Path("calibration"), Path("tools"))
FROM_DOCS = "../"
"""Where the repository lies, seen from the page."""


def first_line(file: Path) -> str:
    """The first line of a module's docstring, as a cell of a Markdown table.

    Raises:
        ValueError: the file has no docstring.
    """
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    if not docstring:
        raise ValueError(f"{file}: no docstring that says what it is")
    line = docstring.splitlines()[0].replace("|", r"\|")  # in code, too: it would end the cell
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else _escape(part) for part in parts)


def _escape(text: str) -> str:
    return text.replace("<", r"\<").replace("*", r"\*")


def room_floors(root: Path) -> list[list[str]]:
    """Rooms of the library from the ground up; those of one floor don't know each other."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [floor.split(" | ") for floor in reversed(layers)]


def room_table(root: Path) -> str:
    """A row a room, from the ground up: what is in it and in how many files."""
    lines = ["| floor | room | files | what is in it |", "| --- | --- | ---: | --- |"]
    for floor, rooms in enumerate(room_floors(root)):
        for room in rooms:
            folder = LIBRARY / room
            files = [f for f in (root / folder).rglob("*.py") if f.name != "__init__.py"]
            words = first_line(root / folder / "__init__.py")
            lines.append(f"| {floor} | [`{room}/`](#{room}) | {len(files)} | {words} |")
    return "\n".join(lines)


def file_tables(root: Path) -> str:
    """A heading a folder and a row a file."""
    rooms = [(room, LIBRARY / room) for floor in room_floors(root) for room in floor]
    others = [(folder.as_posix(), folder) for folder in OTHER_CODE]
    return "\n\n".join(_folder_table(root, *place) for place in (*rooms, *others))


def _folder_table(root: Path, title: str, folder: Path) -> str:
    files = [file.relative_to(root) for file in (root / folder).rglob("*.py")]
    lines = [f"### {title}", "", first_line(root / folder / "__init__.py"), ""]
    lines += ["| file | what it is |", "| --- | --- |"]
    for file in sorted(files, key=lambda file: (len(file.parts) > len(folder.parts) + 1, file)):
        if file == folder / "__init__.py":
            continue
        package = file.name == "__init__.py"
        target = file.parent if package else file
        name = f"**{target.relative_to(folder)}/**" if package else f"{target.relative_to(folder)}"
        link = f"[{name}]({FROM_DOCS}{target.as_posix()})"
        lines.append(f"| {link} | {first_line(root / file)} |")
    return "\n".join(lines)


def fill(page: str, name: str, content: str) -> str:
    """The page with other text between `<!-- name -->` and `<!-- end of name -->`.

    Raises:
        ValueError: the page has not exactly one such place.
    """
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if page.count(start) != 1 or page.count(end) != 1:
        raise ValueError(f"{PAGE}: needs {start} and {end} once")
    before, after = page.split(start)[0], page.split(end)[1]
    return f"{before}{start}\n\n{content}\n\n{end}{after}"


def written_page(root: Path) -> str:
    """The page as it should read: its own words, and tables of what the files say now."""
    page = (root / PAGE).read_text(encoding="utf-8")
    return fill(fill(page, "rooms", room_table(root)), "files", file_tables(root))


def main() -> None:
    """Rewrite the page in the working directory."""
    PAGE.write_text(written_page(Path()), encoding="utf-8")


if __name__ == "__main__":
    main()
