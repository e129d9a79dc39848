"""The comparison as one table: a line a number, with its interval and what must be said of it."""

import csv
from collections.abc import Mapping
from pathlib import Path

from zimage_eval.results import Numbers
from zimage_eval.statistics import rounded

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
    lines: list[tuple[object, ...]] = []
    for row, numbers in rows.items():
        ends = {f"{metric}_{end}" for metric in numbers for end in ("low", "high")}
        for metric in numbers.keys() - ends:
            values = [numbers.get(f"{metric}{end}") for end in ("", "_low", "_high")]
            shown = ["" if value is None else rounded(value) for value in values]
            lines.append((row, metric, *shown, notes.get((row, metric), "")))
    said = {(line[0], line[1]) for line in lines}
    lines += [(*key, "", "", "", note) for key, note in notes.items() if key not in said]
    ordered = sorted(lines, key=lambda line: tuple(map(str, line[:2])))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(ordered)
