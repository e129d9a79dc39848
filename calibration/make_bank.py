"""Scores of the baseline with many seeds, for tests: `python -m calibration.make_bank FOLDER`.

Two disjoint sets of seeds of one prompt differ by chance alone, so studies put together from the
bank have no true effect, whatever the judge, the prompts and the model's scores are like. The
project's own stages draw and score; the bank is their score table with the columns that tests read.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
from ruamel.yaml import YAML

from zimage_eval.facts import FACT_KINDS
from zimage_eval.frozen import read_yaml
from zimage_eval.metrics import metrics_with
from zimage_eval.params import load_model_spec
from zimage_eval.tables import TableSchema, read_table, scores_schema, write_table

ROOT = Path(__file__).parents[1]
BANK = Path(__file__).with_name("bank.parquet")
METRICS = (
    "alignment",
    "all_facts",
    *(f"fact_{kind}" for kind in FACT_KINDS),
    "sharpness",
    "edge_density",
    "high_frequency_share",
    "saturation",
    "clipped_share",
)
BANK_SCHEMA: TableSchema = scores_schema(METRICS)
"""A score table of these metrics: the baseline and, of the same pictures, the swapped prompts."""
FEWEST_CONFIRMED = 4
"""Prompts of the phase that the bank does not use; a phase takes some of every category."""
STAGES = (
    ("build_prompt_sets",),
    ("extract_embeddings",),
    ("generate_images", "baseline"),
    ("compute_scores", "baseline"),
)


def prepare_folder(folder: Path, model: str, num_prompts: int, num_seeds: int) -> None:
    """A folder in which the stages run: params.yaml with the one study, links to the rest."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("models", "prompts"):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / name)
    params = read_yaml(ROOT / "params.yaml") | {"model": model, "benchmarks": {}}
    params["studies"] = {"baseline": params["studies"]["baseline"]}
    params["phases"] = {
        "screen": {"num_prompts": num_prompts, "num_seeds": num_seeds},
        "confirm": {"num_prompts": FEWEST_CONFIRMED, "num_seeds": 1},
    }
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(params, file)


def run_stages(folder: Path) -> None:
    """Draw and score in that folder, without the image store: nothing is left behind elsewhere."""
    search = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": search, "ZIMAGE_EVAL_STORE": "off"}
    for stage, *arguments in STAGES:
        command = [sys.executable, "-m", f"stages.{stage}", *arguments]
        subprocess.run(command, cwd=folder, env=environment, check=True)


def read_scores(folder: Path, model: str) -> pa.Table:
    """The bank's rows and columns of the score table in that folder.

    Raises:
        ValueError: there is no such table, or an image failed.
    """
    spec = load_model_spec(folder / "models" / f"{model}.yaml")
    schema = scores_schema(list(metrics_with(spec.networks)))
    scores = read_table(folder / "data/scores/baseline.parquet", schema)
    scores = scores.filter(pa.compute.equal(scores["phase"], "screen"))
    if scores["error"].null_count < len(scores):
        raise ValueError(f"{folder}: an image failed: {scores['error'].drop_null()[0]}")
    return scores.select(BANK_SCHEMA.columns.names)


def main() -> None:
    """Read the arguments, run the stages, write the bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the stages write; may not exist yet")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--num-prompts", type=int, default=512)
    parser.add_argument("--num-seeds", type=int, default=8)
    parser.add_argument("--out", type=Path, default=BANK)
    arguments = parser.parse_args()
    prepare_folder(arguments.folder, arguments.model, arguments.num_prompts, arguments.num_seeds)
    run_stages(arguments.folder)
    table = read_scores(arguments.folder, arguments.model)
    write_table(arguments.out, BANK_SCHEMA, table)
    print(f"{arguments.out}: {len(table)} rows, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
