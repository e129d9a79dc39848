"""What the graph writes, as dvc.yaml and benchmarks/*/dvc.yaml declare it, and what is there."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from zimage_eval.config.frozen import Problems, read_yaml

FIGURES = Path("reports/figures")
RESULTS = (Path("metrics"), Path("reports/machine"))
NAMED_BY_STUDY = (Path("metrics"), Path("reports/tables"), Path("reports/figures"))
"""Folders where a study's results are a file or a folder of its name."""


class GraphOutput(NamedTuple):
    """A file or folder that a stage writes."""

    stage: str
    """`<file>:<name>`, as DVC names it."""
    path: str
    """Relative to the repository; with `${key}` where `foreach` puts in a name."""


def read_graph_outputs(folder: Path) -> list[GraphOutput]:
    """Every output of the graph of a repository, stage by stage.

    Raises:
        ValueError: a file is no YAML.
    """
    outputs = []
    for graph in [folder / "dvc.yaml", *sorted((folder / "benchmarks").glob("*/dvc.yaml"))]:
        stages = read_yaml(graph)["stages"] if graph.is_file() else {}
        for name, stage in stages.items():
            entry = stage.get("do", stage)
            for kind in ("outs", "metrics", "plots"):
                for path in entry.get(kind, []):
                    written = path if isinstance(path, str) else next(iter(path))
                    outputs.append(GraphOutput(f"{graph}:{name}", written))
    return outputs


def check_study_names(
    studies: Iterable[str], outputs: Iterable[GraphOutput], params_path: Path
) -> None:
    """Refuse studies that are named like what another stage writes.

    A study's results are named after it, and DVC has no two stages write one file or folder.

    Raises:
        Problems: a line for each such study.
    """
    owners = {}
    for stage, path in outputs:
        place = Path(path).with_suffix("")
        for folder in NAMED_BY_STUDY:
            if place.is_relative_to(folder) and place != folder:
                owners[place.relative_to(folder).parts[0]] = f"{stage} writes {path}"
    problems = [
        f"{params_path}: studies.{key}: {owners[key]}; the study needs another name"
        for key in studies
        if key in owners
    ]
    if problems:
        raise Problems(*problems)


def figure_names(
    folder: Path, outputs: Iterable[GraphOutput], studies: Collection[str]
) -> set[str]:
    """The figures that are there, and those that a stage will draw; relative to reports/figures.

    Args:
        folder: of the repository.
        outputs: of its graph.
        studies: whose names `foreach` puts in.
    """
    root = folder / FIGURES
    there = {path.relative_to(root).as_posix() for path in root.rglob("*.png")}
    drawn = {output.path.replace("${key}", key) for output in outputs for key in studies}
    return there | {path.removeprefix(f"{FIGURES.as_posix()}/") for path in drawn}


def result_names(folder: Path) -> Iterator[str]:
    """Names of the results that are there: `h100_profile` is reports/machine/h100/profile.json."""
    for place in RESULTS:
        for path in (folder / place).rglob("*.json"):
            yield "_".join(path.relative_to(folder / place).with_suffix("").parts)
