"""Tables are plain lines in files and pipes, and drawn on a terminal."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from zimage_eval.output.text_tables import Column, TextTable, print_table, render_text

LONG = "a hypothesis that is longer than any terminal is wide, " * 3
TABLE = TextTable(
    columns=[Column("row"), Column("n", is_right_aligned=True, least_width=4), Column("said")],
    rows=[("a", "7", LONG), ("bcde", "1000", "[red]x[/red] :smile:")],
    above=["Above", ""],
    below=["", "below"],
)
PROGRAM = """
from tests.output.test_text_tables import TABLE
from zimage_eval.output.text_tables import print_table
print_table(TABLE, is_plain={})
"""


def on_terminal(*, is_plain: bool) -> str:
    """What is printed on a terminal of 80 columns."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    command = [sys.executable, "-c", PROGRAM.format(is_plain)]
    with subprocess.Popen(command, stdout=follower, env=environment) as program:
        os.close(follower)
        printed = b""
        while True:
            try:
                piece = os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
            printed += piece
            if not piece:
                break
    os.close(leader)
    assert program.returncode == 0
    return printed.decode().replace("\r\n", "\n")


def test_columns_are_aligned_and_the_lines_around_stay() -> None:
    assert render_text(TABLE).splitlines() == [
        "Above",
        "",
        "row      n  said",
        f"a        7  {LONG.rstrip()}",
        "bcde  1000  [red]x[/red] :smile:",
        "",
        "below",
    ]


def test_a_column_may_cut_its_texts_in_plain_lines() -> None:
    cut = TextTable([Column("text", longest=10)], [("0123456789",), ("0123456789a",)], gap=1)
    assert render_text(cut).splitlines() == ["text", "0123456789", "0123456..."]


def test_a_pipe_gets_plain_lines_that_are_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(TABLE)
    printed = capsys.readouterr().out
    assert printed == render_text(TABLE) + "\n"
    assert "\x1b" not in printed


@pytest.mark.skipif(not Path("/dev/ptmx").exists(), reason="there are no terminals here")
def test_a_terminal_gets_a_table_as_wide_as_it_is() -> None:
    printed = on_terminal(is_plain=False)
    assert "\x1b[1m" in printed  # bold names of columns
    assert "━" in printed or "─" in printed
    assert max(len(line) for line in printed.splitlines() if "\x1b" not in line) <= 80
    assert "[red]x[/red] :smile:" in printed  # no markup is read out of cells
    assert printed.count("hypothesis") == 3  # a long text is wrapped, not cut


@pytest.mark.skipif(not Path("/dev/ptmx").exists(), reason="there are no terminals here")
def test_a_terminal_gets_plain_lines_on_request() -> None:
    assert on_terminal(is_plain=True) == render_text(TABLE) + "\n"
