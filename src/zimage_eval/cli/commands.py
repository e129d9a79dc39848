"""The commands of `python -m zimage_eval`: what each is called, reads and prints."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from zimage_eval.cli.check import check_project
from zimage_eval.cli.generate import add_generate_arguments, run_generate
from zimage_eval.cli.measure import add_measure_arguments, run_measure
from zimage_eval.config.frozen import Problems
from zimage_eval.config.model_spec import ModelSpec, load_model_spec
from zimage_eval.config.params import Params, load_params
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, weights_digest
from zimage_eval.studies.plan import plan_studies, render_plan

TEMPLATES = Path("prompts/templates")
CODE_LISTS = Path("data/code")
SHOWN_FILES = 3


class Command(NamedTuple):
    """A sub-command: `add_arguments` declares what `run` reads."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Bad input is 2, with a line on stderr for each problem; a file that can't be read or written,
    standard output among them, and too little memory are a line and 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m zimage_eval", description="Questions about the study, or to its model."
    )
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=command.help, description=command.help)
        command.add_arguments(subparser)
    arguments = parser.parse_args(argv)
    try:
        COMMANDS[arguments.command].run(arguments)
        sys.stdout.flush()
    except (OSError, MemoryError) as error:
        # What is left of the output would fail once more when Python ends.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        words = str(error) if isinstance(error, OSError) else f"out of memory: {error}"
        print(f"error: {' '.join(words.split())}", file=sys.stderr)
        return 1
    except ValueError as error:
        for line in error.args if isinstance(error, Problems) else [str(error)]:
            print(f"error: {' '.join(line.split())}", file=sys.stderr)
        return 2
    return 0


def _add_folder_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        help="folder of params.yaml, models/ and prompts/ (default: the current one)",
    )


def _load(folder: Path) -> tuple[Params, ModelSpec]:
    params = load_params(folder / "params.yaml")
    return params, load_model_spec(folder / "models" / f"{params.model}.yaml")


def _add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    _add_folder_argument(parser)
    parser.add_argument(
        "--margin",
        type=float,
        help="in alignment: what each study needs to resolve it, from the spreads it measured",
    )


def _plan(arguments: argparse.Namespace) -> None:
    params, spec = _load(arguments.folder)
    if arguments.margin is not None and not 0 < arguments.margin < math.inf:
        raise ValueError(f"--margin: {arguments.margin}: must be a number above 0")
    if arguments.margin is None:
        print(render_plan(plan_studies(params, spec, arguments.folder / TEMPLATES), params, spec))
        return
    from zimage_eval.studies.margin_plan import plan_margin, render_margin_plan
    from zimage_eval.studies.summaries import read_summaries

    tables = {
        key: read_summaries(path)
        for key in params.studies
        if (path := arguments.folder / "reports" / "tables" / f"{key}.csv").is_file()
    }
    plans = plan_margin(params, spec, tables, arguments.margin, arguments.folder / TEMPLATES)
    print(render_margin_plan(plans, arguments.margin, spec))


def _check(arguments: argparse.Namespace) -> None:
    print("\n".join(check_project(arguments.folder)))


def _rows(arguments: argparse.Namespace) -> None:
    from zimage_eval.cli.rows import render_answers
    from zimage_eval.output.results import read_results
    from zimage_eval.questions.evidence import read_evidence, read_full_evidence
    from zimage_eval.questions.questions import load_questions
    from zimage_eval.report.verdicts import answer_questions, provenance_of

    params, spec = _load(arguments.folder)
    folder = arguments.folder / "models" / params.model
    weights = weights_digest(folder, (*TEXT_PARTS, *IMAGE_PARTS))
    path = arguments.folder / "reports" / "judge.json"
    judged = read_results(path).get("judge", {}).get("all")
    if judged is None:
        raise ValueError(f"{path}: judge.all: missing")
    num_labels = round(judged.get("num_images") or 0)
    provenance = provenance_of(params.model, spec, weights, num_labels)
    questions = load_questions(arguments.folder / "questions")
    evidence = read_evidence(arguments.folder / "reports" / "evidence.json")
    full = read_full_evidence(arguments.folder / "reports" / "full", params.model)
    print(render_answers(answer_questions(questions, evidence, provenance, full)))


def _add_generate_arguments(parser: argparse.ArgumentParser) -> None:
    _add_folder_argument(parser)
    add_generate_arguments(parser)


def _add_measure_arguments(parser: argparse.ArgumentParser) -> None:
    _add_folder_argument(parser)
    add_measure_arguments(parser)


def _add_sheet_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", type=Path, help="a study's folder of images")
    parser.add_argument("prompts", type=Path, help="the table of a phase's prompts")
    parser.add_argument("--num-images", type=int, required=True, help="pictures, drawn at random")
    parser.add_argument("--seed", type=int, required=True, help="decides which")


def _label_sheet(arguments: argparse.Namespace) -> None:
    from zimage_eval.metrics.judges.label_sheets import draw_pictures, write_sheet
    from zimage_eval.output.tables import IMAGES, PROMPTS, read_table

    rows = read_table(arguments.images / "images.parquet", IMAGES).to_pylist()
    prompts = read_table(arguments.prompts, PROMPTS).to_pylist()
    chosen = draw_pictures(rows, prompts, arguments.num_images, arguments.seed)
    print(write_sheet(chosen, arguments.images), end="")


def _add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    _add_folder_argument(parser)
    parser.add_argument("prompt", help="what is to be drawn")


def _predict(arguments: argparse.Namespace) -> None:
    from zimage_eval.cli.predict import describe_prediction

    path = arguments.folder / "reports" / "prompt_predictor.json"
    print(describe_prediction(path, arguments.prompt))


def _stale(arguments: argparse.Namespace) -> None:
    from zimage_eval.output.code_lists import CodeGraph, changed_stages

    packages = {"zimage_eval": Path("src/zimage_eval"), "stages": Path("stages")}
    changes = changed_stages(CodeGraph(arguments.folder, packages), arguments.folder / CODE_LISTS)
    for stage, files in changes.items():
        more = f" and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
        print(f"{stage}: {', '.join(files[:SHOWN_FILES])}{more}")
    if not changes:
        print("no stage: the code of all of them is what it was when they ran")


COMMANDS = {
    "check": Command(
        help="whether all that a run reads is there, whole and known, before anything runs",
        add_arguments=_add_folder_argument,
        run=_check,
    ),
    "generate": Command(
        help="one picture by hand, or a grid of some, exactly as the graph makes them",
        add_arguments=_add_generate_arguments,
        run=run_generate,
    ),
    "label-sheet": Command(
        help="a CSV of pictures and facts, for people to fill in (yes or no)",
        add_arguments=_add_sheet_arguments,
        run=_label_sheet,
    ),
    "measure": Command(
        help="speed, memory and what they cost in accuracy, on this machine and any model",
        add_arguments=_add_measure_arguments,
        run=run_measure,
    ),
    "plan": Command(
        help="images, forwards, minutes and smallest visible effects; or what a margin takes",
        add_arguments=_add_plan_arguments,
        run=_plan,
    ),
    "predict": Command(
        help="how well a prompt will be drawn, if what foretells it was shown to",
        add_arguments=_add_predict_arguments,
        run=_predict,
    ),
    "rows": Command(
        help="every row of the catalogue, its verdicts and on what they rest",
        add_arguments=_add_folder_argument,
        run=_rows,
    ),
    "stale": Command(
        help="which stages an edit of the code makes run again, before `dvc repro` says so",
        add_arguments=_add_folder_argument,
        run=_stale,
    ),
}
