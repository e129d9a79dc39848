"""What a module of this repository imports, found in its syntax tree without running it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]


def module_file(name: str) -> Path | None:
    """File of a module of this repository, relative to its root; None if it is no such module."""
    for base in (ROOT / "src", ROOT):
        path = base / name.replace(".", "/")
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file() and name.split(".")[0] in ("zimage_eval", "stages", "calibration"):
                return file.relative_to(ROOT)
    return None


def imported_files(module: str) -> set[str]:
    """Files of this repository that a module needs, itself and its packages included.

    Imports inside functions count; those under `if TYPE_CHECKING` don't, they never run.
    """
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        file = module_file(name)
        if file is None or file.as_posix() in found:
            continue
        found.add(file.as_posix())
        waiting += _imports(file, name)
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return found


@cache
def _imports(file: Path, name: str) -> tuple[str, ...]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    modules: list[str] = []
    for node in _running_nodes(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parts, node.module or ""]).strip(".") if node.level else node.module
            assert base is not None
            modules += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return tuple(modules)


def _running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _running_nodes(child)
