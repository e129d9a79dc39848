"""The JSON that studies and benchmarks end in, {study: {variant: {metric: number or null}}}."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter

from zimage_eval.statistics.estimates import rounded

NumberRow = Mapping[str, float | None]
"""The numbers of a variant or row, by metric."""
Results = Mapping[str, Mapping[str, NumberRow]]
"""Study, variant, metric. A number that does not exist is None; there is no NaN and no infinity."""

_RESULTS: TypeAdapter[dict[str, dict[str, dict[str, float | None]]]] = TypeAdapter(
    dict[str, dict[str, dict[str, float | None]]]
)


def write_results(path: Path, results: Results) -> None:
    """Write results with sorted keys and rounded numbers: equal results give equal bytes."""
    content = {
        study: {
            variant: {metric: rounded(value) for metric, value in metrics.items()}
            for variant, metrics in variants.items()
        }
        for study, variants in results.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """Results as they were written.

    Raises:
        ValueError: the file is missing or holds something else.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such results")
    return _RESULTS.validate_json(path.read_text(encoding="utf-8"))
