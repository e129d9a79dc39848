"""Tables for people: plain lines in files and pipes, drawn by rich on a terminal."""

import sys
from collections.abc import Sequence
from typing import NamedTuple


class Column(NamedTuple):
    """How the cells of a column are set."""

    name: str
    is_right_aligned: bool = False
    """As numbers are."""
    least_width: int = 0
    """In characters, of plain lines."""
    longest: int | None = None
    """Plain lines cut longer texts, which end in `...`; a terminal shows them whole."""


class TextTable(NamedTuple):
    """A table with the lines around it."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    gap: int = 2
    """Spaces between two columns of plain lines."""


def render_text(table: TextTable) -> str:
    """The table in plain lines, as wide as its longest cells."""
    return "\n".join([*table.above, *_plain_lines(table), *table.below])


def is_terminal() -> bool:
    """Whether standard output is a terminal, where people read tables."""
    return sys.stdout.isatty()


def print_table(table: TextTable, *, is_plain: bool = False) -> None:
    """Print a table on standard output: by rich if that is a terminal, else in plain lines.

    Args:
        table: to print.
        is_plain: plain lines on a terminal too.
    """
    if is_plain or not is_terminal():
        print(render_text(table), flush=True)
        return
    # rich is imported where there is a terminal to draw on
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, emoji=False, highlight=False)
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        drawn.add_column(column.name, justify="right" if column.is_right_aligned else "left")
    for row in table.rows:
        drawn.add_row(*row)
    for part in (*table.above, drawn, *table.below):
        console.print(part)


def _plain_lines(table: TextTable) -> list[str]:
    names = [column.name for column in table.columns]
    rows = [
        [_cut(cell, column.longest) for cell, column in zip(row, table.columns, strict=True)]
        for row in [names, *table.rows]
    ]
    widths = [
        max(column.least_width, *map(len, cells))
        for column, cells in zip(table.columns, zip(*rows, strict=True), strict=True)
    ]
    return [
        (" " * table.gap)
        .join(
            cell.rjust(width) if column.is_right_aligned else cell.ljust(width)
            for cell, width, column in zip(row, widths, table.columns, strict=True)
        )
        .rstrip()
        for row in rows
    ]


def _cut(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else f"{text[: longest - 3]}..."
