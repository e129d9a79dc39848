"""reports/evidence.json: what was weighed for each claim, {page: {part: evidence}}."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zimage_eval.evidence import Evidence, Seen
from zimage_eval.questions import Place
from zimage_eval.statistics.estimates import rounded


def write_evidence(path: Path, evidence: Mapping[Place, Evidence]) -> None:
    """Evidence by page and part, numbers to six digits: equal evidence gives equal bytes."""
    pages: dict[str, dict[str, Any]] = {}
    for place, one in evidence.items():
        seen = [
            each._asdict() | {key: rounded(getattr(each, key)) for key in ("gain", "low", "high")}
            for each in one.seen
        ]
        p_values = {key: rounded(getattr(one, key)) for key in ("p_supported", "p_refuted")}
        pages.setdefault(place.page, {})[place.part] = one._asdict() | p_values | {"seen": seen}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(pages, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_full_evidence(folder: Path, model: str) -> dict[Place, Evidence]:
    """Evidence from a study of full size of that model; empty where none was run."""
    path = folder / f"{model}.json"
    return read_evidence(path) if path.is_file() else {}


def read_evidence(path: Path) -> dict[Place, Evidence]:
    """What `write_evidence` wrote; a ValueError if it did not."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; `dvc repro weigh_claims` writes it")
    pages = json.loads(path.read_text(encoding="utf-8"))
    return {
        Place(page, part): Evidence(
            **one
            | {"named": tuple(one["named"]), "seen": tuple(Seen(**each) for each in one["seen"])}
        )
        for page, parts in pages.items()
        for part, one in parts.items()
    }
