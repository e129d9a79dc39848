"""What was measured of machines: one table a benchmark, never two machines in one."""

from collections.abc import Sequence

from zimage_eval.benchmarks.machine.results import MachineResults
from zimage_eval.studies.shown_numbers import MISSING, markdown_table

_INTRODUCTION = (
    "Seconds and memory are a machine's own. Weights called random have the released sizes and "
    "nothing learned: they fill columns of speed and memory, and say nothing about pictures. No "
    "released weights were run."
)


def machine_section(results: Sequence[MachineResults]) -> str:
    """A heading, and a folded table for every benchmark of every machine, in the order given."""
    parts = ["## Machines", _INTRODUCTION]
    for one in results:
        title = f"{one.benchmark}: {one.model} on {one.machine.name}, {one.date}"
        parts.append(
            f'<details markdown="1">\n<summary>{title}</summary>\n\n{_table(one)}\n\n'
            f"{_described(one)}\n\n</details>"
        )
    return "\n\n".join(parts)


def _table(results: MachineResults) -> str:
    columns = list(dict.fromkeys(key for cells in results.rows.values() for key in cells))
    rows = [
        [f"`{row}`", *(_cell(cells.get(column)) for column in columns)]
        for row, cells in results.rows.items()
    ]
    return markdown_table(["", *(column.replace("_", " ") for column in columns)], rows)


def _cell(value: float | str | None) -> str:
    if value is None:
        return MISSING
    if isinstance(value, str):
        return value.replace("|", "/")
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def _described(results: MachineResults) -> str:
    machine = results.machine
    versions = ", ".join(f"{name} {number}" for name, number in results.versions.items())
    return (
        f"*Weights: {results.weights}. {machine.name} ({machine.device}), {machine.num_threads} "
        f"threads, {machine.memory_gib:g} GiB; {versions}.*"
    )
