"""Study one family and score what was found: `python -m calibration.study.calibrate ...`.

    <models>/<name>{,-base}{,.yaml} -> <out>/results/<name>/, <out>/scorecard.json

Arguments that this command does not know are handed on to `calibration.study.run_study` (sizes,
studies, jobs, GPUs). The study is a process of its own that is told the model's name, not what was
planted.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from calibration.data.truths import load_truths
from calibration.study.study_folders import ROOT
from zimage_eval.benchmarks.guidance.arms import read_arms
from zimage_eval.benchmarks.guidance.baked import guidance_results, measure_arms
from zimage_eval.config.benchmarks import BakedGuidance
from zimage_eval.output.project import Project
from zimage_eval.output.results import write_results


def calibrate(
    truths: Path,
    models: Path,
    out: Path,
    num_guidance_prompts: int | None,
    study_arguments: Sequence[str],
) -> bool:
    """Run the study on a family and hold what it found to what was planted.

    Args:
        truths: file of the planted answers.
        models: folder that holds the family.
        out: folder to run in; the score tables and the scorecard stay there.
        num_guidance_prompts: that the base draws at every guidance scale, so that the scale that
            was distilled in can be looked for; it is not if None.
        study_arguments: of `calibration.study.run_study`.

    Returns:
        Whether all went through; what did is scored in any case.

    Raises:
        ValueError: too few prompts to find a guidance scale by.
    """
    if num_guidance_prompts is not None and num_guidance_prompts < _guidance_entry().num_groups:
        raise ValueError(
            f"--guidance-prompts {num_guidance_prompts}: {_guidance_entry().num_groups} at least, "
            "the groups of benchmarks.baked_guidance in params.yaml"
        )
    name = load_truths(truths).name
    results = out / "results" / name
    family: list[str | Path] = ["--model", name, "--models", models]
    ran = _run(
        "study.run_study", *family, "--out", out / "study", "--results", results, *study_arguments
    )
    if num_guidance_prompts is not None:
        table, num = out / f"{name}-guidance.parquet", str(num_guidance_prompts)
        drawing: list[str | Path] = ["--truths", truths, "--out", table, "--num-prompts", num]
        drawn = _run("study.draw_guidance_arms", *family, *drawing)
        if drawn:
            find_guidance_scale(table, results)
        ran = ran and drawn
    card, parent = out / "scorecard.json", results.parent
    return _run("scorecard", "--truths", truths, "--results", parent, "--out", card) and ran


def find_guidance_scale(table: Path, results: Path) -> None:
    """Keep which scales may have been distilled in, as the stage `baked_guidance` finds them.

    Args:
        table: what a base drew under many scales, and its turbo.
        results: folder of the family's results.
    """
    entry = _guidance_entry()
    arms = read_arms(table)
    rows = guidance_results(arms, measure_arms(arms, entry.num_groups), entry.distance, entry.level)
    write_results(results / "baked_guidance.json", {"baked_guidance": rows})


def _guidance_entry() -> BakedGuidance:
    return Project.open(ROOT).benchmark("baked_guidance", BakedGuidance)


def _run(command: str, *arguments: str | Path) -> bool:
    done = subprocess.run([sys.executable, "-m", f"calibration.{command}", *map(str, arguments)])
    return done.returncode == 0


def main() -> None:
    """Read the arguments, run, score."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.study.calibrate",
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--truths", type=Path, required=True, help="the family's planted answers")
    parser.add_argument(
        "--models",
        type=Path,
        default=Path("models"),
        help="folder that holds its two models and their settings (default: %(default)s)",
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder to run in; results and scorecard stay there"
    )
    parser.add_argument(
        "--guidance-prompts",
        type=int,
        help="prompts to find the distilled guidance scale by; not looked for if left out",
    )
    arguments, study_arguments = parser.parse_known_args()
    num = arguments.guidance_prompts
    sys.exit(not calibrate(arguments.truths, arguments.models, arguments.out, num, study_arguments))


if __name__ == "__main__":
    main()
