"""Make the bank, scores without any true effect: `python -m calibration.study.make_bank FOLDER`.

The run is of the study `baseline` with many seeds a prompt (`calibration.study.run_study`). Two
disjoint sets of seeds of one prompt differ by chance alone, so studies put together from the bank
have no true effect, whatever the judge, the prompts and the model's scores are like.
"""

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.config.metrics import METRICS, available_metrics
from zimage_eval.output.project import Project
from zimage_eval.output.tables import TableSchema, read_table, scores_schema, write_table

BANK = Path(__file__).parents[1] / "bank.parquet"
BANK_METRICS = (
    "alignment",
    "all_facts",
    *(f"fact_{kind}" for kind in FACT_KINDS),
    "sharpness",
    "edge_density",
    "high_frequency_share",
    "saturation",
    "clipped_share",
)
BANK_SCHEMA: TableSchema = scores_schema({name: METRICS[name] for name in BANK_METRICS})
"""A score table of these metrics: the baseline and, of the same pictures, the swapped prompts."""


def read_bank_scores(folder: Path) -> pa.Table:
    """The bank's rows and columns of the score table of the run in that folder.

    Raises:
        ValueError: there is no such table, or an image failed.
    """
    schema = scores_schema(available_metrics(Project.open(folder).spec.networks))
    scores = read_table(folder / "data" / "scores" / "baseline.parquet", schema)
    scores = scores.filter(pc.equal(scores["phase"], "screen"))
    errors = scores["error"].drop_null()
    if len(errors):
        raise ValueError(f"{folder}: {len(errors)} images failed, the first with: {errors[0]}")
    return scores.select(BANK_SCHEMA.columns.names)


def main() -> None:
    """Read the arguments and the scores, write the bank."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.study.make_bank", description=__doc__
    )
    parser.add_argument("folder", type=Path, help="where calibration.study.run_study ran")
    parser.add_argument("--out", type=Path, default=BANK, help="default: calibration/bank.parquet")
    arguments = parser.parse_args()
    table = read_bank_scores(arguments.folder)
    write_table(arguments.out, BANK_SCHEMA, table)
    print(f"{arguments.out}: {len(table)} rows, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
