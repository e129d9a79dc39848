"""reports/observations/<benchmark>.csv: what was seen of each independent unit, in long form."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from zimage_eval.statistics import rounded


class Observation(NamedTuple):
    """One value."""

    variant: str
    unit: str
    """What is independent of the others: a prompt, a photograph, a training run."""
    replicate: int
    """Number of the repetition within the unit, such as a seed."""
    category: str
    metric: str
    value: float | None


def write_observations(path: Path, observations: Iterable[Observation]) -> None:
    """Write them sorted and rounded: equal observations give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Observation._fields)
        for entry in sorted(observations, key=lambda entry: entry[:5]):
            value = rounded(entry.value)
            writer.writerow([*entry[:5], "" if value is None else value])


def read_observations(path: Path) -> list[Observation]:
    """Observations as they were written; ValueError where the file is missing or another one."""
    if not path.is_file():
        raise ValueError(f"{path}: no such observations")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if not rows or tuple(rows[0]) != Observation._fields:
        raise ValueError(f"{path}: its columns are not {', '.join(Observation._fields)}")
    return [
        Observation(
            variant, unit, int(replicate), category, metric, float(value) if value else None
        )
        for variant, unit, replicate, category, metric, value in rows[1:]
    ]
