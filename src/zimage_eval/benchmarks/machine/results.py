"""Read, write and print reports/machine/*.json: measurements of one machine."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from zimage_eval.benchmarks.machine.this_machine import Machine, describe_machine, describe_versions
from zimage_eval.config.frozen import Frozen
from zimage_eval.output.results import read_json, write_json
from zimage_eval.output.text_tables import Column, TextTable
from zimage_eval.statistics.estimates import rounded

MachineValue = float | str | None
"""A number, a text (a name, or the reason why a number is missing), or None."""
Rows = Mapping[str, Mapping[str, MachineValue]]
"""Row -> metric -> value."""
FORWARD_PARTS: Final = ("refine", "denoise", "loop")
"""Parts of a profile that an image needs once per forward."""
OTHER_PARTS: Final = ("encode", "decode", "save")
"""Parts that an image needs once, independent of its number of forwards."""


class MachineResults(Frozen):
    """The content of one file."""

    benchmark: str
    model: str
    """Name of a model in models/."""
    weights: str
    """`random` for random weights, else the start of the weights' digest."""
    date: str
    """Date of the measurement in UTC, YYYY-MM-DD."""
    machine: Machine
    versions: dict[str, str]
    rows: dict[str, dict[str, float | int | str | None]]


class Seconds(NamedTuple):
    """Seconds of one image on one machine."""

    mean: float
    lowest: float
    """The sum of each part's shortest time in the profile."""
    highest: float
    """The sum of each part's longest time in the profile."""


def write_machine_results(
    path: Path, benchmark: str, model: str, weights: str, rows: Rows
) -> MachineResults:
    """Write rows that this machine has just measured, and return the written results.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    results = MachineResults(
        benchmark=benchmark,
        model=model,
        weights=weights,
        date=datetime.now(UTC).date().isoformat(),
        machine=describe_machine(),
        versions=describe_versions(),
        rows={
            row: {
                key: value if isinstance(value, str) else rounded(value)
                for key, value in sorted(cells.items())
            }
            for row, cells in rows.items()
        },
    )
    write_json(path, results.model_dump(), sort_keys=False)
    return results


def read_machine_results(path: Path) -> MachineResults:
    """Read results that `write_machine_results` wrote.

    Raises:
        ValueError: the file is missing or has another content.
    """
    return read_json(path, TypeAdapter(MachineResults), "no such results")


def machine_numbers(results: MachineResults) -> dict[str, dict[str, float | None]]:
    """The rows with None in place of texts."""
    return {
        row: {metric: None if isinstance(value, str) else value for metric, value in cells.items()}
        for row, cells in results.rows.items()
    }


def number(cells: Mapping[str, MachineValue], metric: str) -> float:
    """A number that a row must have.

    Raises:
        ValueError: the row has no such metric, or it is not a number.
    """
    value = cells.get(metric)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{metric} is {value!r}, not a number")
    return float(value)


def seconds_per_image(profile: MachineResults, num_forwards: float) -> Seconds:
    """Seconds of an image with `num_forwards` forwards, from its text to its file.

    Args:
        profile: profile of images drawn alone, with the same picture size and prompt length.
        num_forwards: transformer evaluations of the image; two per step with guidance.

    Raises:
        ValueError: `profile` holds no forwards, or a part of it is missing.
    """
    measured = sum(row.startswith("forward=") for row in profile.rows)
    if not measured:
        raise ValueError(f"{profile.benchmark} of {profile.model}: no forward was profiled")
    missing = [part for part in (*FORWARD_PARTS, *OTHER_PARTS) if part not in profile.rows]
    if missing:
        raise ValueError(f"{profile.benchmark} of {profile.model}: no row {', '.join(missing)}")

    def total(metric: str) -> float:
        forwards = sum(number(profile.rows[part], metric) for part in FORWARD_PARTS)
        others = sum(number(profile.rows[part], metric) for part in OTHER_PARTS)
        return num_forwards / measured * forwards + others

    return Seconds(total("seconds"), total("lowest_seconds"), total("highest_seconds"))


def machine_table(results: MachineResults) -> TextTable:
    """The rows as a table, below a line with model, machine and date."""
    metrics = list(dict.fromkeys(key for cells in results.rows.values() for key in cells))
    head = f"{results.benchmark} of {results.model} ({results.weights[:12]} weights)"
    return TextTable(
        columns=[Column(""), *map(Column, metrics)],
        rows=[
            [row, *(_written(cells.get(metric)) for metric in metrics)]
            for row, cells in results.rows.items()
        ],
        above=[f"{head} on {results.machine.name}, {results.date}"],
    )


def _written(value: MachineValue) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:.5g}"
