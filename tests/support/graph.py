"""The pipeline as its files declare it, and the code graph of this repository."""

import shlex
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.repository import ROOT
from zimage_eval.config.frozen import read_yaml
from zimage_eval.output.code_lists import CODE_PACKAGES as PACKAGES
from zimage_eval.output.code_lists import CodeGraph

PIPELINES = (ROOT / "dvc.yaml", *sorted((ROOT / "benchmarks").glob("*/dvc.yaml")))

ENTRIES: dict[str, dict[str, Any]] = {
    name: stage for path in PIPELINES for name, stage in read_yaml(path)["stages"].items()
}
"""By stage, as written; what `foreach` repeats stands under `do`."""
STAGES: dict[str, dict[str, Any]] = {
    name: entry.get("do", entry) for name, entry in ENTRIES.items()
}
MODULES = {name: shlex.split(stage["cmd"])[2] for name, stage in STAGES.items()}


@cache
def code_graph() -> CodeGraph:
    """The library, the stages, calibration and tools as they lie in the work tree, read once."""
    return CodeGraph(ROOT, {**PACKAGES, "calibration": Path("calibration"), "tools": Path("tools")})


def imported_files(module: str) -> set[str]:
    """Files of this repository that a module needs, relative to its root."""
    return code_graph().reached_files(module)


def module_path(module: str) -> Path:
    """File of a module of this repository."""
    file = code_graph().module_file(module)
    assert file is not None, module
    return ROOT / file
