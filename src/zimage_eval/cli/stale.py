"""`python -m zimage_eval stale`: which stages an edit of the code makes run again."""

from pathlib import Path
from typing import Annotated

import typer

from zimage_eval.cli.door import BadOption, Door

SHOWN_FILES = 3


def run_stale(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option(
            help="List the stages that import this file, such as src/zimage_eval/model/rope.py.",
        ),
    ] = None,
) -> None:
    """List the stages that an edit of the code makes run again.

    Nothing is run.
    """
    from zimage_eval.output.code_lists import (
        CODE_PACKAGES,
        CodeGraph,
        changed_stages,
        locked_digests,
    )

    door: Door = context.obj
    graph = CodeGraph(door.folder, CODE_PACKAGES)
    num_stages = len(graph.stage_modules())
    if file is not None:
        if not (door.folder / file).is_file():
            raise BadOption("--file", f"{file}: no such file")
        stages = graph.stages_importing(file.as_posix())
        print("\n".join(stages))
        print(f"{len(stages)} of {num_stages} stages import {file.as_posix()}")
        return
    locks = [door.folder / "dvc.lock", *sorted(door.folder.glob("benchmarks/*/dvc.lock"))]
    digests = locked_digests(path for path in locks if path.is_file())
    changes = changed_stages(graph, digests, door.folder / "data" / "code")
    for stage, files in changes.items():
        more = f" and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
        print(f"{stage}: {', '.join(files[:SHOWN_FILES])}{more}" if files else stage)
    print(
        f"{len(changes)} of {num_stages} stages have other code than when they last ran"
        + ("; what reads their outputs runs again if these change" if changes else "")
    )
