"""Run studies without DVC: `python -m calibration.study.run_study --out FOLDER --results FOLDER`.

Studies run side by side, the longest first, each as a chain of stages in a folder of its own. Texts
are encoded on the CPU, where a tiny encoder is as fast; pictures are drawn on the GPUs; a study's
pictures are scored in shards of one core each. As soon as a study ends, the small part of its
results is copied to the folder `--results`: score tables, and what the probe of concepts flags.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from calibration.study.score_shards import join_tables, split_images
from calibration.study.study_folders import ROOT, Sizes, count_forwards, prepare_folder, study_keys

IMAGES_PER_SHARD = 1500
KEPT = (
    "variant",
    "phase",
    "prompt_id",
    "category",
    "seed",
    "alignment",
    "all_facts",
    "lpips",
    "sharpness",
    "saturation",
    "num_forwards",
)
"""Columns of the score tables that come back; facts by kind come with them."""
KEPT_FACTS = ("variant", "phase", "prompt_id", "seed", "fact", "held")
NO_GPU = ""


@dataclass(frozen=True)
class StudyMachine:
    """Where stages run."""

    num_jobs: int
    """Studies side by side."""
    num_gpus: int
    store: Path
    """Folder of the image store that all studies share."""
    scorers: Executor
    """One worker a core, for the shards of all studies."""

    def gpu(self, number: int) -> str:
        """CUDA_VISIBLE_DEVICES of the study that starts as the n-th."""
        given = os.environ.get("CUDA_VISIBLE_DEVICES")
        return str(number % max(self.num_gpus, 1)) if given is None else given

    def environment(self, gpu: str, num_threads: int | None = None) -> dict[str, str]:
        """Variables of a stage's process; a fair share of the cores unless threads are given."""
        share = max(1, (os.cpu_count() or 1) // self.num_jobs)
        paths = [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
        return os.environ | {
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "ZIMAGE_EVAL_STORE": str(self.store.resolve()),
            "CUDA_VISIBLE_DEVICES": gpu,
            "OMP_NUM_THREADS": str(num_threads or share),
        }


def run_studies(folders: dict[str, Path], results: Path, machine: StudyMachine) -> list[str]:
    """All studies to their scores; what one leaves is kept in `results` as soon as it is done.

    Args:
        folders: by study, as prepared.
        results: folder for what is kept.
        machine: where to run.

    Returns:
        What failed, in words: a study that fails does not hold up the others.
    """
    ordered = sorted(folders, key=lambda study: -count_forwards(folders[study]))
    failures: list[str] = []

    def run_or_say(job: tuple[int, str]) -> None:
        number, study = job
        try:
            run_study(folders[study], study, machine.gpu(number), machine)
            keep_study(folders[study], study, results)
        except RuntimeError as error:
            failures.append(f"{study}: {error}")

    with ThreadPoolExecutor(machine.num_jobs) as executor:
        list(executor.map(run_or_say, enumerate(ordered)))
    return failures


def run_study(folder: Path, study: str, gpu: str, machine: StudyMachine) -> None:
    """Every stage of one study.

    Raises:
        RuntimeError: a stage failed.
    """
    cores, one_core = machine.environment(NO_GPU), machine.environment(NO_GPU, num_threads=1)
    run_stage(folder, "build_prompt_sets", None, cores)
    run_stage(folder, "expand_studies", None, cores)
    run_stage(folder, "extract_embeddings", None, cores)
    run_stage(folder, "generate_images", study, machine.environment(gpu))
    shards = split_images(folder, study, IMAGES_PER_SHARD)
    scored = [
        machine.scorers.submit(run_stage, shard, "compute_scores", study, one_core)
        for shard in shards
    ]
    for job in scored:
        job.result()
    join_tables(folder, study, shards)
    if study == "concept_probe":
        run_stage(folder, "pictures.probe_concepts", None, cores)


def run_stage(folder: Path, name: str, study: str | None, environment: Mapping[str, str]) -> None:
    """Run one stage in a folder, and print its seconds.

    Raises:
        RuntimeError: it failed.
    """
    log = folder / "logs" / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        command = [sys.executable, "-m", f"stages.{name}", *([study] if study else [])]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=file, stderr=file)
    print(f"{folder}: {name}: {time.monotonic() - started:.0f} s", flush=True)
    if done.returncode:
        raise RuntimeError(f"{log}: {log.read_text(encoding='utf-8')[-2000:]}")


def keep_study(folder: Path, study: str, results: Path) -> None:
    """Copy a study's scores and judged facts, thinned, into `results`, and what was flagged."""
    (results / "facts").mkdir(parents=True, exist_ok=True)
    table = pq.read_table(folder / "data" / "scores" / f"{study}.parquet")
    kept = [n for n in table.column_names if n in KEPT or n.startswith("fact_")]
    pq.write_table(table.select(kept), results / f"{study}.parquet", compression="zstd")
    facts = folder / "data" / "facts" / f"{study}.parquet"
    table = pq.read_table(facts, columns=list(KEPT_FACTS))
    pq.write_table(table, results / "facts" / facts.name, compression="zstd")
    flags = folder / "metrics" / "probe_concepts.json"
    if flags.is_file():
        shutil.copy(flags, results)


def main() -> None:
    """Read the arguments, prepare, run, keep."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.study.run_study", description=__doc__
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to run in")
    parser.add_argument("--results", type=Path, required=True, help="folder for what is kept")
    parser.add_argument("--model", default="nano", help="default: %(default)s")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="folder of the model")
    parser.add_argument("--studies", nargs="*", default=[], help="all if left out")
    parser.add_argument(
        "--num-prompts", type=int, help="screened prompts; params.yaml's if left out"
    )
    parser.add_argument("--num-seeds", type=int, help="of a screened prompt; likewise")
    parser.add_argument("--num-concept-seeds", type=int, help="of a prompt for a concept; likewise")
    parser.add_argument("--batch-size", type=int, help="the model's if left out")
    parser.add_argument("--jobs", type=int, default=1, help="studies that run side by side")
    parser.add_argument("--gpus", type=int, default=1, help="that the studies take in turn")
    arguments = parser.parse_args()
    sizes = Sizes(arguments.num_prompts, arguments.num_seeds, arguments.num_concept_seeds)
    folders = {study: arguments.out / study for study in study_keys(arguments.studies)}
    for study, folder in folders.items():
        prepare_folder(
            folder, arguments.model, arguments.models, study, sizes, arguments.batch_size
        )
    with ThreadPoolExecutor(os.cpu_count()) as scorers:
        store = arguments.out / "store"
        machine = StudyMachine(arguments.jobs, arguments.gpus, store, scorers)
        failures = run_studies(folders, arguments.results, machine)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
