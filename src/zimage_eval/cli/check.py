"""`python -m zimage_eval check`: what is missing or wrong of all that a run reads."""

from typing import TYPE_CHECKING

import typer

from zimage_eval.cli.door import Door

if TYPE_CHECKING:
    from zimage_eval.output.text_tables import TextTable
    from zimage_eval.report.project_check import ProjectCheck


def run_check(context: typer.Context) -> None:
    """Check that all files a run reads are there and are right."""
    from zimage_eval.output.text_tables import is_terminal, print_table
    from zimage_eval.report.project_check import check_project

    door: Door = context.obj
    check = check_project(door.open())
    if is_terminal() and not door.is_plain:
        print_table(check_table(check))
        return
    print(f"{check.title}: all that a run reads is in order")
    for part in check.parts:
        if part.note is not None:
            print(part.note)


def check_table(check: "ProjectCheck") -> "TextTable":
    """What was read, a row each."""
    from zimage_eval.output.text_tables import Column, TextTable

    return TextTable(
        columns=[Column("what a run reads"), Column("in order")],
        rows=[(part.name, part.note or "yes") for part in check.parts],
        above=[f"{check.title}: all that a run reads is in order"],
    )
