"""The commands of `python -m zimage_eval`: what each is called, reads and prints."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from zimage_eval.cli.generate import GENERATE_EXAMPLE, add_generate_arguments, run_generate
from zimage_eval.cli.measure import add_measure_arguments, run_measure
from zimage_eval.cli.store import add_store_arguments, run_store
from zimage_eval.config.frozen import Problems
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import Params
from zimage_eval.model.folder import IMAGE_PARTS, TEXT_PARTS, weights_digest
from zimage_eval.output.project import Project
from zimage_eval.studies.plan import plan_studies, render_plan

TEMPLATES = Path("prompts/templates")
CODE_LISTS = Path("data/code")
LOCKS = ("dvc.lock", "benchmarks/*/dvc.lock")
SHOWN_FILES = 3


class Command(NamedTuple):
    """A sub-command: `add_arguments` declares what `run` reads."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
    epilog: str | None = None


SHEET_EXAMPLE = """\
example:
  python -m zimage_eval label-sheet data/images/baseline data/prompts/main/screen.parquet \\
      --num-images 200 --seed 0 > labels.csv"""
ORDER_OF_USE = """\
in this order, from the root of the repository:
  python -m zimage_eval check   check that a run finds all that it reads
  python -m zimage_eval plan    print what the studies will cost
  dvc repro                     run the graph: prompts to reports/report.md
  python -m zimage_eval rows    print all verdicts"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Bad input is 2, with a line on stderr for each problem; a file that can't be read or written,
    standard output among them, and too little memory are a line and 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m zimage_eval",
        description="Prepare a run of the study, print its results, or use its model by hand.",
        epilog=ORDER_OF_USE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(
            name,
            help=command.help,
            description=f"{command.help[0].upper()}{command.help[1:]}.",
            epilog=command.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
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
    project = Project.open(folder)
    return project.params, project.spec


def _add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    _add_folder_argument(parser)
    parser.add_argument(
        "--margin",
        type=float,
        help="print how many prompts, images and hours each study needs to resolve a difference in "
        "alignment of this size (a share of facts, 0 to 1), from the spread that it measured",
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
    from zimage_eval.cli.check import check_project

    print("\n".join(check_project(Project.open(arguments.folder))))


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


def _add_store_arguments(parser: argparse.ArgumentParser) -> None:
    _add_folder_argument(parser)
    add_store_arguments(parser)


def _add_sheet_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("images", type=Path, help="a study's folder, data/images/<study>")
    parser.add_argument(
        "prompts", type=Path, help="data/prompts/<role>/screen.parquet, or confirm.parquet"
    )
    parser.add_argument(
        "--num-images", type=int, required=True, help="number of pictures to choose at random"
    )
    parser.add_argument("--seed", type=int, required=True, help="of the random choice of pictures")


def _label_sheet(arguments: argparse.Namespace) -> None:
    from zimage_eval.metrics.judges.label_sheets import draw_pictures, write_sheet
    from zimage_eval.output.tables import IMAGES, PROMPTS, read_table

    rows = read_table(arguments.images / "images.parquet", IMAGES).to_pylist()
    prompts = read_table(arguments.prompts, PROMPTS).to_pylist()
    chosen = draw_pictures(rows, prompts, arguments.num_images, arguments.seed)
    print(write_sheet(chosen, arguments.images), end="")


def _add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    _add_folder_argument(parser)
    parser.add_argument("prompt", help="the words of the prompt")


def _predict(arguments: argparse.Namespace) -> None:
    from zimage_eval.cli.predict import describe_prediction

    path = arguments.folder / "reports" / "prompt_predictor.json"
    print(describe_prediction(path, arguments.prompt))


def _add_stale_arguments(parser: argparse.ArgumentParser) -> None:
    _add_folder_argument(parser)
    parser.add_argument(
        "--file",
        type=Path,
        help="list the stages that import this file, such as src/zimage_eval/model/rope.py",
    )


def _stale(arguments: argparse.Namespace) -> None:
    from zimage_eval.output.code_lists import CodeGraph, changed_stages, locked_digests

    folder = arguments.folder
    packages = {"zimage_eval": Path("src/zimage_eval"), "stages": Path("stages")}
    graph = CodeGraph(folder, packages)
    modules = graph.stage_modules()
    if arguments.file is not None:
        if not (folder / arguments.file).is_file():
            raise ValueError(f"--file: {arguments.file}: no such file")
        name = arguments.file.as_posix()
        stages = [stage for stage in modules if name in graph.reached_files(modules[stage])]
        print("\n".join(stages))
        print(f"{len(stages)} of {len(modules)} stages import {name}")
        return
    locks = [path for pattern in LOCKS for path in sorted(folder.glob(pattern))]
    changes = changed_stages(graph, locked_digests(locks), folder / CODE_LISTS)
    for stage, files in changes.items():
        more = f" and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
        print(f"{stage}: {', '.join(files[:SHOWN_FILES])}{more}" if files else stage)
    print(
        f"{len(changes)} of {len(modules)} stages have other code than when they last ran"
        + ("; what reads their outputs runs again if these change" if changes else "")
    )


COMMANDS = {
    "check": Command(
        help="check that every file a run reads is there, whole, and free of unknown words",
        add_arguments=_add_folder_argument,
        run=_check,
    ),
    "generate": Command(
        help="draw one picture, or a grid of several values of settings, as the graph draws them",
        add_arguments=_add_generate_arguments,
        run=run_generate,
        epilog=GENERATE_EXAMPLE,
    ),
    "label-sheet": Command(
        help="print a CSV of questions about pictures, for people to answer with yes or no",
        add_arguments=_add_sheet_arguments,
        run=_label_sheet,
        epilog=SHEET_EXAMPLE,
    ),
    "measure": Command(
        help="measure speed, memory, and what faster settings cost in accuracy, on this machine",
        add_arguments=_add_measure_arguments,
        run=run_measure,
    ),
    "plan": Command(
        help="print images, forwards, minutes and smallest visible effect of every study",
        add_arguments=_add_plan_arguments,
        run=_plan,
    ),
    "predict": Command(
        help="predict alignment from the prompt's words",
        add_arguments=_add_predict_arguments,
        run=_predict,
    ),
    "rows": Command(
        help="list every question with its verdicts and what they rest on",
        add_arguments=_add_folder_argument,
        run=_rows,
    ),
    "stale": Command(
        help="list the stages that an edit of the code makes run again; nothing is run",
        add_arguments=_add_stale_arguments,
        run=_stale,
    ),
    "store": Command(
        help="print what the store holds (pictures, encodings, scores), remove what is unused",
        add_arguments=_add_store_arguments,
        run=run_store,
    ),
}
