"""Rewrite the code deps of dvc.yaml by the import graph: `python -m tests.write_deps`.

DVC has no way to say "what this module imports", so the lists are written out; this writes them.
"""

import re
from pathlib import Path

from tests.import_graph import ROOT, imported_files

_CODE = re.compile(r"(\s+- )(?:stages|src|calibration)/\S+\.py$")


def write_deps(path: Path) -> None:
    """Put the stage's file first, then its package, then the library in alphabetical order."""
    kept: list[str] = []
    stage, is_code = "", False
    for line in path.read_text(encoding="utf-8").splitlines():
        command = re.match(r"\s+cmd: python -m stages\.(\w+)", line)
        stage = command[1] if command else stage
        code = _CODE.match(line)
        if code and not is_code:
            first = [f"stages/{stage}.py", "stages/__init__.py"]
            others = sorted(imported_files(f"stages.{stage}") - set(first))
            kept += [f"{code[1]}{file}" for file in (*first, *others)]
        is_code = code is not None
        if not is_code:
            kept.append(line)
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_deps(ROOT / "dvc.yaml")
