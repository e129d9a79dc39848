"""What a benchmark observed, in long form: the CSV files that its claims are weighed from."""

import csv
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from zimage_eval.statistics import rounded


class Observation(NamedTuple):
    """One number."""

    variant: str
    unit: str
    """What is independent: a prompt, a photograph, a training run."""
    replicate: int
    """Such as a seed."""
    category: str
    metric: str
    value: float | None
    """None where the number does not exist."""


def write_observations(path: Path, observations: Iterable[Observation]) -> None:
    """Write them sorted and rounded: equal observations give equal bytes.

    Raises:
        ValueError: an observation stands twice, or is NaN or infinite.
    """
    rows = sorted(observations, key=lambda row: row[:5])
    for one, other in pairwise(rows):
        if one[:5] == other[:5]:
            raise ValueError(f"{path}: {one[:5]} was observed twice")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Observation._fields)
        for row in rows:
            value = rounded(row.value)
            writer.writerow([*row[:5], "" if value is None else value])


def read_observations(path: Path) -> list[Observation]:
    """Observations as they were written.

    Raises:
        ValueError: the file is missing or holds something else.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such observations")
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    if tuple(header) != Observation._fields:
        raise ValueError(f"{path}: columns are {', '.join(header)}")
    return [
        Observation(variant, unit, int(seed), category, metric, float(value) if value else None)
        for variant, unit, seed, category, metric, value in rows
    ]
