"""`python -m zimage_eval`: its commands, the options before them, and how errors are told."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from zimage_eval.cli.check import run_check
from zimage_eval.cli.door import BadOption, Door
from zimage_eval.cli.fetch import FETCH_EXAMPLE, run_fetch
from zimage_eval.cli.generate import GENERATE_EXAMPLE, run_generate
from zimage_eval.cli.label_sheet import SHEET_EXAMPLE, run_label_sheet
from zimage_eval.cli.measure import run_measure
from zimage_eval.cli.plan import run_plan
from zimage_eval.cli.predict import run_predict
from zimage_eval.cli.rows import run_rows
from zimage_eval.cli.stale import run_stale
from zimage_eval.cli.store import run_store


class Command(NamedTuple):
    """A command's name is its key in `COMMANDS`, its help text the docstring of `run`."""

    run: Callable[..., None]
    epilog: str | None = None


COMMANDS = {
    "check": Command(run_check),
    "fetch": Command(run_fetch, FETCH_EXAMPLE),
    "generate": Command(run_generate, GENERATE_EXAMPLE),
    "label-sheet": Command(run_label_sheet, SHEET_EXAMPLE),
    "measure": Command(run_measure),
    "plan": Command(run_plan),
    "predict": Command(run_predict),
    "rows": Command(run_rows),
    "stale": Command(run_stale),
    "store": Command(run_store),
}
"""All commands, in the order of the help text. Each has a file of its own beside this one, which
imports no other library than typer until it runs."""

# The character \b keeps the lines of the paragraph behind it as they are.
ORDER_OF_USE = """\b
In this order, in the folder of the project:
  python -m zimage_eval check   check that a run finds all that it reads
  python -m zimage_eval plan    print what the studies will cost
  dvc repro                     run the graph: prompts to reports/report.md
  python -m zimage_eval rows    print all verdicts"""
GLOBAL_OPTIONS = ("--folder", "--plain")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    What can't be done is a line on stderr for each problem. The code is 2 for what is wrong with
    the command line, 1 for anything else: a file, the machine, the model. It is 130 after Ctrl-C.
    """
    command = typer.main.get_command(build_app())
    try:
        code = command.main(argv, prog_name="python -m zimage_eval", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _report([_in_words(error)], 2)
    except ValueError as error:
        return _report(_lines(error), 2 if isinstance(error, BadOption) else 1)
    except (OSError, MemoryError) as error:
        # What is left of the output would fail once more when Python ends.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        words = str(error) if isinstance(error, OSError) else f"out of memory: {error}"
        return _report([words], 1)
    return _report(["interrupted"], code) if code == 130 else int(code or 0)


def build_app() -> typer.Typer:
    """All commands behind the options that they share."""
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,  # help in plain text, without importing rich
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(epilog=ORDER_OF_USE)(open_door)
    for name, command in COMMANDS.items():
        app.command(name, epilog=command.epilog)(command.run)
    return app


def open_door(
    context: typer.Context,
    folder: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder of the project, with params.yaml, models/ and prompts/.",
            show_default="the current folder",
        ),
    ] = Path(),
    plain: Annotated[
        bool, typer.Option("--plain", help="Print tables as plain text on a terminal too.")
    ] = False,
) -> None:
    """Prepare a run of the study, print its results, or use its model by hand."""
    context.obj = Door(folder, plain)


def _report(lines: Sequence[str], code: int) -> int:
    for line in lines:
        print(f"error: {' '.join(line.split())}", file=sys.stderr)
    return code


def _lines(error: ValueError) -> Sequence[str]:
    from zimage_eval.config.frozen import Problems

    return error.args if isinstance(error, Problems) else [str(error)]


def _in_words(error: typer.TyperException) -> str:
    option = getattr(error, "option_name", None)
    if option in GLOBAL_OPTIONS:
        return f"{option} stands before the command: python -m zimage_eval {option} ..."
    return error.format_message()
