"""reports/observations/<benchmark>.csv: what a benchmark saw, one number a row."""

import csv
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from zimage_eval.statistics.estimates import rounded


class Observation(NamedTuple):
    """One number that a benchmark saw."""

    variant: str
    unit: str
    """What is independent: a prompt, a photograph, a training run."""
    replicate: int
    """Repetitions within a unit, such as seeds; they are averaged first."""
    category: str
    metric: str
    value: float | None
    """None where there is no number."""


def write_observations(path: Path, observations: Iterable[Observation]) -> None:
    """Sorted rows, numbers to six digits: equal observations give equal bytes.

    Raises:
        ValueError: two rows are of the same thing, or a value is NaN or infinite.
    """
    rows = sorted(observations, key=lambda one: one[:5])
    for one, other in itertools.pairwise(rows):
        if one[:5] == other[:5]:
            raise ValueError(f"observed twice: {one[:5]}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Observation._fields)
        writer.writerows(one._replace(value=rounded(one.value)) for one in rows)


def read_observations(path: Path) -> list[Observation]:
    """What `write_observations` wrote.

    Raises:
        ValueError: there is no such file, or it has other columns.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such observations")
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        columns = tuple(next(reader, ()))
        if columns != Observation._fields:
            raise ValueError(f"{path}: columns are {columns}, not {Observation._fields}")
        return [
            Observation(
                variant, unit, int(replicate), category, metric, float(value) if value else None
            )
            for variant, unit, replicate, category, metric, value in reader
        ]
