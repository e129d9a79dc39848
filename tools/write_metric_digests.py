"""Write tests/metrics/versions.yaml: the version of each metric, and a digest of its code.

Run as `python -m tools.write_metric_digests`. A test holds code and versions to this file, so that
nobody changes numbers and forgets the version. The code of a metric is its function and all that
the function reaches in the library, but for settings and definitions (`config/`).
"""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

from zimage_eval.config.measuring import NetworkName
from zimage_eval.config.metrics import JUDGES
from zimage_eval.metrics.catalogue import metrics_with
from zimage_eval.metrics.sets.catalogue import COMPUTED_FAMILIES
from zimage_eval.output.code_lists import DIGEST_LENGTH, syntax_text

FILE = Path("tests/metrics/versions.yaml")
LIBRARY = "zimage_eval"
NOT_FOLLOWED = f"{LIBRARY}.config"
HEAD = "# Written by `python -m tools.write_metric_digests`; versions stand in config/.\n"

Place = tuple[str, str]
"""A module and the name of something at its top level."""


class Version(NamedTuple):
    """The version that a definition states, and the code that it states it of."""

    version: int
    digest: str


class Source(NamedTuple):
    """What the names of a module stand for."""

    statements: Mapping[str, ast.stmt]
    """Functions, classes and constants."""
    imports: Mapping[str, Place]
    """Names imported from the library, anywhere in the module."""


@cache
def read_source(src: Path, module: str) -> Source:
    """The names of a module below the folder `src`."""
    path = src / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    tree = ast.parse(file.read_text(encoding="utf-8"))
    statements: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            statements[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [part.id for target in targets for part in ast.walk(target)
                     if isinstance(part, ast.Name)]  # fmt: skip
            statements |= dict.fromkeys(names, node)
    imports = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(LIBRARY)
        for alias in node.names
        if node.module is not None
    }
    return Source(statements, imports)


def reached_code(src: Path, places: Iterable[Place]) -> dict[Place, str]:
    """The syntax tree of everything that these places need, without docstrings, by place."""
    reached: dict[Place, str] = {}
    waiting = list(places)
    while waiting:
        module, name = waiting.pop()
        if (module, name) in reached or module.startswith(NOT_FOLLOWED):
            continue
        source = read_source(src, module)
        if name in source.imports:
            waiting.append(source.imports[name])
        elif name in source.statements:
            statement = source.statements[name]
            reached[module, name] = syntax_text(statement)
            waiting += _named_places(src, module, source, statement)
    return reached


def _named_places(src: Path, module: str, source: Source, statement: ast.stmt) -> Iterator[Place]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name):
            yield module, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            package, name = source.imports.get(node.value.id, ("", ""))
            if (src / Path(*package.split("."), f"{name}.py")).is_file():
                yield f"{package}.{name}", node.attr


def code_digest_of(src: Path, places: Iterable[Place]) -> str:
    """Digest of `reached_code`; comments, docstrings and layout don't change it."""
    code = reached_code(src, places)
    text = "".join(f"{module}.{name} {code[module, name]}\n" for module, name in sorted(code))
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def written_versions(root: Path) -> dict[str, dict[str, Version]]:
    """Versions and digests of the metrics of pictures, of those of sets, and of judges, by name."""
    src = root / "src"

    def version(number: int, function: str, *helpers: Callable[..., Any] | None) -> Version:
        module, _, name = f"{LIBRARY}.{function}".rpartition(".")
        places = [(helper.__module__, helper.__qualname__) for helper in helpers if helper]
        return Version(number, code_digest_of(src, [(module, name), *places]))

    return {
        "pictures": {
            name: version(metric.version, metric.function, metric.load)
            for name, metric in metrics_with(get_args(NetworkName)).items()
        },
        "sets": {
            name: version(family.version, family.function, family.measure, family.interval)
            for name, family in COMPUTED_FAMILIES.items()
        },
        "judges": {name: version(judge.version, judge.function) for name, judge in JUDGES.items()},
    }


def versions_text(versions: Mapping[str, Mapping[str, Version]]) -> str:
    """The file's text."""
    lines = [
        line
        for kind, rows in versions.items()
        for line in (
            f"{kind}:\n",
            *(
                f"  {name}: {{version: {row.version}, digest: '{row.digest}'}}\n"
                for name, row in rows.items()
            ),
        )
    ]
    return HEAD + "".join(lines)


def main() -> None:
    """Rewrite the file in the working directory."""
    FILE.write_text(versions_text(written_versions(Path())), encoding="utf-8")


if __name__ == "__main__":
    main()
