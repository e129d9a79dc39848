"""The comparison as one table: a line a number, with its interval and what must be said of it."""

import csv
from collections.abc import Mapping
from pathlib import Path

from zimage_eval.output.results import Numbers
from zimage_eval.statistics.estimates import rounded

ENDS = ("low", "high")
COLUMNS = ("row", "metric", "value", "low", "high", "note")


def write_comparison(
    path: Path, rows: Mapping[str, Numbers], notes: Mapping[tuple[str, str], str]
) -> None:
    """Write the rows of results as CSV, sorted.

    Args:
        path: of the file.
        rows: row -> metric -> number; `<metric>_low` and `<metric>_high` go beside `<metric>`.
        notes: by row and metric; of a row as a whole with an empty metric.
    """
    lines = {
        (row, metric): (*_words(numbers, metric), notes.get((row, metric), ""))
        for row, numbers in rows.items()
        for metric in numbers.keys() - {f"{name}_{end}" for name in numbers for end in ENDS}
    }
    lines |= {key: ("", "", "", note) for key, note in notes.items() if key not in lines}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((*key, *lines[key]) for key in sorted(lines))


def _words(numbers: Numbers, metric: str) -> tuple[str, ...]:
    """A number and the ends of its interval; empty where there is none."""
    found = (rounded(numbers.get(name)) for name in (metric, *(f"{metric}_{e}" for e in ENDS)))
    return tuple("" if value is None else str(value) for value in found)
