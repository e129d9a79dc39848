"""Code lists: for each stage, the files that it imports and a digest of each file's code.

A stage depends on its own list instead of on some forty files. An edit of comments, docstrings or
layout alone leaves every list as it was, and the difference of two lists shows which files make a
stage run again.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from zimage_eval.config.frozen import read_yaml

Packages = Mapping[str, Path]
"""Packages whose modules count as code: name -> folder, relative to the repository."""
CODE_PACKAGES: Packages = {"zimage_eval": Path("src/zimage_eval"), "stages": Path("stages")}
"""Those of the graph; what else lies in the repository makes no stage run again."""
DIGEST_LENGTH = 16
"""Number of hex digits of a digest in a list."""


class CodeGraph:
    """The modules of a repository and what they import, read from their syntax trees."""

    def __init__(self, root: Path, packages: Packages) -> None:
        """Read the repository in `root`; no code of it is imported or run."""
        self.root = root
        self.packages = packages
        self._imports: dict[Path, tuple[str, ...]] = {}
        self._digests: dict[Path, str] = {}

    def stage_modules(self) -> dict[str, str]:
        """Name of every stage -> its module: all files of the package `stages` except `code`.

        `stages/code.py` is the stage that writes the lists; it depends on both packages as a whole.

        Raises:
            ValueError: two stages have the same name, so that their lists would be one file.
        """
        modules: dict[str, str] = {}
        folder = self.root / self.packages["stages"]
        for path in sorted(folder.rglob("*.py")):
            if path.stem in ("__init__", "code"):
                continue
            module = ".".join(["stages", *path.relative_to(folder).with_suffix("").parts])
            if path.stem in modules:
                raise ValueError(
                    f"two stages are named {path.stem}: {modules[path.stem]}, {module}"
                )
            modules[path.stem] = module
        return modules

    def module_file(self, name: str) -> Path | None:
        """File of a module, relative to the root; None for a module of another package."""
        package, *parts = name.split(".")
        if package not in self.packages:
            return None
        path = self.packages[package].joinpath(*parts)
        files = [path / "__init__.py", *([path.with_suffix(".py")] if parts else [])]
        return next((file for file in files if (self.root / file).is_file()), None)

    def reached_files(self, module: str) -> set[str]:
        """The files that a module needs to run, with its own and the `__init__.py` of its packages.

        Imports inside functions count. Imports under `if TYPE_CHECKING` don't, they never run.
        """
        reached: set[str] = set()
        waiting = [module]
        while waiting:
            name = waiting.pop()
            file = self.module_file(name)
            if file is None or file.as_posix() in reached:
                continue
            reached.add(file.as_posix())
            waiting += self._imported_names(file, name)
            waiting += [name.rpartition(".")[0]] if "." in name else []
        return reached

    def stages_importing(self, file: str) -> list[str]:
        """Names of the stages that reach a file, which is written relative to the root."""
        return [
            name
            for name, module in self.stage_modules().items()
            if file in self.reached_files(module)
        ]

    def code_list(self, module: str) -> str:
        """The text of a code list: a line for each reached file with its path and its digest."""
        return "".join(
            f"{file} {self.digest(Path(file))}\n" for file in sorted(self.reached_files(module))
        )

    def imported_names(self) -> set[str]:
        """Full names of all modules that the files read so far import, of other packages too."""
        return {name for names in self._imports.values() for name in names}

    def digest(self, file: Path) -> str:
        """`code_digest` of a file of the repository."""
        if file not in self._digests:
            self._digests[file] = code_digest(self.root / file)
        return self._digests[file]

    def _imported_names(self, file: Path, module: str) -> tuple[str, ...]:
        if file not in self._imports:
            tree = ast.parse((self.root / file).read_text(encoding="utf-8"))
            package = module if file.name == "__init__.py" else module.rpartition(".")[0]
            self._imports[file] = tuple(_imported_names(tree, package))
        return self._imports[file]


def code_digest(path: Path) -> str:
    """Digest of a Python file's code; comments, docstrings and layout don't change it."""
    text = syntax_text(ast.parse(path.read_text(encoding="utf-8")))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def syntax_text(node: ast.AST) -> str:
    """A syntax tree as one text, which is equal for equal code on every version of Python.

    `ast.dump` writes empty fields on some versions and leaves them out on others. Docstrings are
    left out: no stage writes one into a result.
    """
    parts = []
    for name, value in ast.iter_fields(node):
        if isinstance(node, ast.Constant):
            parts.append(f"{name}={value!r}" if value is not None or name == "value" else "")
        elif isinstance(value, ast.AST):
            parts.append(f"{name}={syntax_text(value)}")
        elif isinstance(value, list):
            kept = [entry for entry in value if not _is_docstring(entry)]
            texts = [syntax_text(e) if isinstance(e, ast.AST) else repr(e) for e in kept]
            parts.append(f"{name}=[{','.join(texts)}]" if texts else "")
        elif value is not None:
            parts.append(f"{name}={value!r}")
    return f"{type(node).__name__}({','.join(filter(None, parts))})"


def write_code_lists(graph: CodeGraph, folder: Path) -> dict[str, str]:
    """Write `<stage>.txt` into `folder` for every stage; returns stage -> the file's text."""
    lists = {name: graph.code_list(module) for name, module in graph.stage_modules().items()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in lists.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return lists


def locked_digests(locks: Iterable[Path]) -> dict[str, set[str]]:
    """MD5 digests of the list that a stage last ran with, from dvc.lock files, by stage.

    Several digests where `foreach` repeats a stage and not all of them ran again.
    """
    digests: dict[str, set[str]] = {}
    for lock in locks:
        for stage in read_yaml(lock)["stages"].values():
            for dep in stage.get("deps", ()):
                path = Path(dep["path"])
                if path.parent.name == "code" and path.suffix == ".txt":
                    digests.setdefault(path.stem, set()).add(dep["md5"])
    return digests


def changed_stages(
    graph: CodeGraph, locked: Mapping[str, set[str]], folder: Path
) -> dict[str, list[str]]:
    """Stages whose code is not what they last ran with: name -> the files that differ.

    Args:
        graph: of the work tree.
        locked: `locked_digests` of the same repository.
        folder: of the written lists. Where it does not hold the list that a stage ran with, nobody
            knows which files differ, and none are named.
    """
    changes: dict[str, list[str]] = {}
    for name, module in graph.stage_modules().items():
        text, digests = graph.code_list(module), locked.get(name, set())
        if digests == {_md5(text)}:
            continue
        path = folder / f"{name}.txt"
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        lines = set(before.splitlines()) ^ set(text.splitlines())
        is_known = _md5(before) in digests
        changes[name] = sorted({line.split()[0] for line in lines}) if is_known else []
    return changes


def _md5(text: str) -> str:
    """As DVC writes it into dvc.lock."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _is_docstring(node: object) -> bool:
    """Whether a statement is a bare string: a docstring of a module, class, function or field."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _imported_names(tree: ast.AST, package: str) -> Iterator[str]:
    for node in _running_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*parts, node.module or ""]).strip(".") if node.level else node.module
            assert base is not None
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _running_nodes(child)
