"""The study on one family, and what it found: `python -m calibration.calibrate --truths FILE ...`.

    <models>/<name>{,.yaml} -> <out>/results/<name>/, <out>/scorecard.json

Arguments that this command does not know are handed on to `calibration.run_study` (sizes, studies,
jobs, GPUs). The study is a process of its own that is told the model's name, not what was planted.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from calibration.truths import load_truths


def calibrate(truths: Path, models: Path, out: Path, study_arguments: Sequence[str]) -> bool:
    """Run the study on a family and hold what it found to what was planted.

    Args:
        truths: file of the planted answers.
        models: folder that holds the family.
        out: folder to run in; the score tables and the scorecard stay there.
        study_arguments: of `calibration.run_study`.

    Returns:
        Whether all studies ran; those that did are scored in any case.
    """
    name = load_truths(truths).name
    results = out / "results"
    where: list[str | Path] = ["--model", name, "--models", models, "--out", out / "study"]
    ran = _run("run_study", *where, "--results", results / name, *study_arguments)
    scored = _run(
        "scorecard", "--truths", truths, "--results", results, "--out", out / "scorecard.json"
    )
    return ran and scored


def _run(command: str, *arguments: str | Path) -> bool:
    done = subprocess.run([sys.executable, "-m", f"calibration.{command}", *map(str, arguments)])
    return done.returncode == 0


def main() -> None:
    """Read the arguments, run, score."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--truths", type=Path, required=True, help="of the family")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of the family")
    parser.add_argument("--out", type=Path, required=True, help="folder to run in")
    arguments, study_arguments = parser.parse_known_args()
    done = calibrate(arguments.truths, arguments.models, arguments.out, study_arguments)
    sys.exit(not done)


if __name__ == "__main__":
    main()
