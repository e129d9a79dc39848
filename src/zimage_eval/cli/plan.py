"""`python -m zimage_eval plan`: what the studies cost, and how small an effect they see."""

import math
from typing import Annotated

import typer

from zimage_eval.cli.door import BadOption, Door


def run_plan(
    context: typer.Context,
    margin: Annotated[
        float | None,
        typer.Option(
            help="Print how many prompts, images and hours each study needs to resolve a "
            "difference in alignment of this size (a share of facts, 0 to 1), from the spread "
            "that it measured.",
        ),
    ] = None,
) -> None:
    """Print what every study costs and how small an effect it sees."""
    from zimage_eval.output.text_tables import print_table
    from zimage_eval.studies.plan import plan_studies, plan_table

    door: Door = context.obj
    if margin is not None and not 0 < margin < math.inf:
        raise BadOption("--margin", f"{margin}: must be a number above 0")
    project = door.open()
    params, spec, templates = project.params, project.spec, project.templates
    if margin is None:
        table = plan_table(plan_studies(params, spec, templates), params, spec)
    else:
        # scipy takes a second to import
        from zimage_eval.studies.margin_plan import margin_table, plan_margin
        from zimage_eval.studies.summaries import read_study_tables

        measured = read_study_tables(project.folder / "reports" / "tables", params.studies)
        table = margin_table(plan_margin(params, spec, measured, margin, templates), margin, spec)
    print_table(table, is_plain=door.is_plain)
