"""reports/observations/<benchmark>.csv: what a benchmark saw, one number a row; their means."""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from zimage_eval.output.results import read_csv, write_csv
from zimage_eval.statistics.estimates import Estimate, estimate, rounded


class Measurement(NamedTuple):
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


def measurements_of(
    values: Mapping[str, float | None],
    *,
    variant: str,
    unit: str,
    category: str,
    replicate: int = 0,
) -> list[Measurement]:
    """Several numbers of one unit: metric -> value."""
    return [
        Measurement(variant, unit, replicate, category, metric, value)
        for metric, value in values.items()
    ]


def write_observations(path: Path, observations: Iterable[Measurement]) -> None:
    """Sorted rows, numbers to six digits: equal observations give equal bytes.

    Raises:
        ValueError: two rows are of the same thing, or a value is NaN or infinite.
    """
    rows = sorted(observations, key=lambda row: row[:5])
    for row, following in itertools.pairwise(rows):
        if row[:5] == following[:5]:
            raise ValueError(f"observed twice: {row[:5]}")
    write_csv(path, Measurement._fields, (row._replace(value=rounded(row.value)) for row in rows))


def read_observations(path: Path) -> list[Measurement]:
    """What `write_observations` wrote.

    Raises:
        ValueError: there is no such file, or it is cut off or another one; names the line.
    """
    return [
        Measurement(
            variant=line.cells[0],
            unit=line.cells[1],
            replicate=line.whole_number(2),
            category=line.cells[3],
            metric=line.cells[4],
            value=line.number(5),
        )
        for line in read_csv(path, Measurement._fields, "no such observations")
    ]


def observation_table(observations: Iterable[Measurement]) -> pd.DataFrame:
    """A row for each observation, in their order; no value is NaN."""
    table = pd.DataFrame(observations, columns=Measurement._fields)
    return table.astype({"value": np.float64})


def unit_means(rows: pd.DataFrame) -> list[float]:
    """Means over the replicates of each unit that have a value, sorted by unit.

    Args:
        rows: of an `observation_table`, of one variant, category and metric.
    """
    measured = rows.dropna(subset="value").sort_values(["unit", "replicate"])
    units = measured.groupby("unit")["value"]
    return [float(np.mean(values)) for _, values in units]


def mean_rows(
    observations: Sequence[Measurement], shares: Collection[str]
) -> dict[str, dict[str, float | None]]:
    """`<variant>/<category>` -> metric, its mean over units and its 95 % interval; `num_units`.

    Args:
        observations: of a benchmark.
        shares: metrics that are shares of right answers, from 0 to 1.
    """
    results = {}
    table = observation_table(observations)
    for (variant, category), rows in table.groupby(["variant", "category"]):
        row: dict[str, float | None] = {}
        sizes = []
        for metric, values in rows.groupby("metric"):
            result = estimate(unit_means(values), (0.0, 1.0) if metric in shares else None)
            row |= named(str(metric), result)
            sizes.append(result.num_prompts)
        results[f"{variant}/{category}"] = row | {"num_units": max(sizes)}
    return results


def largest_rows(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """Variant -> metric -> mean over units, and the largest as `<metric>_largest`."""
    results = {}
    table = observation_table(observations).dropna(subset="value")
    for variant, rows in table.groupby("variant", sort=False):
        row: dict[str, float | None] = {}
        for metric, values in rows.groupby("metric", sort=False)["value"]:
            numbers = values.tolist()
            row |= {str(metric): sum(numbers) / len(numbers), f"{metric}_largest": max(numbers)}
            row["num_units"] = len(numbers)
        results[str(variant)] = row
    return results


def named(metric: str, result: Estimate) -> dict[str, float | None]:
    """`metric`, `metric_low` and `metric_high`; the ends only where there are any."""
    if result.low is None:
        return {metric: result.mean}
    return {metric: result.mean, f"{metric}_low": result.low, f"{metric}_high": result.high}
