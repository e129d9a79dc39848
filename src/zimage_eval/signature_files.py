"""JSON files that say what decided the numbers beside them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def write_signatures(path: Path, signatures: Mapping[str, Mapping[str, Any]]) -> None:
    """Write them with sorted keys: equal ones give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(signatures, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_signatures(path: Path) -> dict[str, dict[str, Any]]:
    """Signatures as they were written; ValueError where there are none."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    signatures: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return signatures
