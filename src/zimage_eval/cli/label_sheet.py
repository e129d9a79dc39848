"""`python -m zimage_eval label-sheet`: questions about pictures, for people to answer."""

from pathlib import Path
from typing import Annotated

import typer

from zimage_eval.cli.door import Door

SHEET_EXAMPLE = """\b
Example:
  python -m zimage_eval label-sheet data/images/baseline data/prompts/main/screen.parquet \\
      --num-images 200 --seed 0 > labels.csv"""


def run_label_sheet(
    context: typer.Context,
    images: Annotated[Path, typer.Argument(help="A study's folder, data/images/<study>.")],
    prompts: Annotated[
        Path, typer.Argument(help="data/prompts/<role>/screen.parquet, or confirm.parquet.")
    ],
    num_images: Annotated[int, typer.Option(help="Number of pictures to choose at random.")],
    seed: Annotated[int, typer.Option(help="Seed of the random choice.")],
) -> None:
    """Print questions about pictures, as a CSV that people fill in.

    The answers are yes or no, and measure how often the judge is wrong.
    """
    from zimage_eval.metrics.judges.label_sheets import draw_pictures, write_sheet
    from zimage_eval.output.tables import IMAGES, PROMPTS, read_table

    door: Door = context.obj
    folder = door.folder / images
    rows = read_table(folder / "images.parquet", IMAGES).to_pylist()
    texts = read_table(door.folder / prompts, PROMPTS).to_pylist()
    print(write_sheet(draw_pictures(rows, texts, num_images, seed), folder), end="")
