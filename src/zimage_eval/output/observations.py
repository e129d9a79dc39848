"""reports/observations/<benchmark>.csv: what a benchmark saw, one number a row; their means."""

import itertools
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from zimage_eval.output.results import read_csv, write_csv
from zimage_eval.statistics.estimates import Estimate, estimate, prompt_means, rounded


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


def mean_rows(
    observations: Sequence[Measurement], shares: Collection[str]
) -> dict[str, dict[str, float | None]]:
    """`<variant>/<category>` -> metric, its mean over units and its 95 % interval; `num_units`.

    Args:
        observations: of a benchmark.
        shares: metrics that are shares of right answers, from 0 to 1.
    """
    scores: dict[tuple[str, str, str], dict[tuple[str, int], float | None]] = {}
    for row in observations:
        key = row.variant, row.category, row.metric
        scores.setdefault(key, {})[row.unit, row.replicate] = row.value
    results: dict[str, dict[str, float | None]] = {}
    for (variant, category, metric), values in sorted(scores.items()):
        means = list(prompt_means(values).values())
        result = estimate(means, (0.0, 1.0) if metric in shares else None)
        row_of = results.setdefault(f"{variant}/{category}", {})
        row_of |= named(metric, result)
        row_of["num_units"] = max(result.num_prompts, int(row_of.get("num_units") or 0))
    return results


def largest_rows(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """Variant -> metric -> mean over units, and the largest as `<metric>_largest`."""
    values: dict[tuple[str, str], list[float]] = {}
    for measurement in observations:
        if measurement.value is not None:
            values.setdefault((measurement.variant, measurement.metric), []).append(
                measurement.value
            )
    rows: dict[str, dict[str, float | None]] = {}
    for (variant, metric), numbers in values.items():
        row = rows.setdefault(variant, {})
        row[metric], row[f"{metric}_largest"] = sum(numbers) / len(numbers), max(numbers)
        row["num_units"] = len(numbers)
    return rows


def named(metric: str, result: Estimate) -> dict[str, float | None]:
    """`metric`, `metric_low` and `metric_high`; the ends only where there are any."""
    if result.low is None:
        return {metric: result.mean}
    return {metric: result.mean, f"{metric}_low": result.low, f"{metric}_high": result.high}
