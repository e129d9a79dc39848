"""The study without DVC: `python -m calibration.run_study --out FOLDER [--model NAME] ...`.

On a machine with GPUs stages are run side by side, one chain (draw, score) a study, in a folder of
their own with the repository's code, prompts and models linked in. Its parameters are the
repository's but for the model and the sizes given here. What comes back is small: the score tables
and the evidence on every claim.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from ruamel.yaml import YAML

from zimage_eval.frozen import read_yaml
from zimage_eval.params import load_model_spec, load_params
from zimage_eval.templates import study_variants

ROOT = Path(__file__).parents[1]
FIRST = ("build_prompt_sets", "extract_embeddings")
CHAIN = ("generate_images", "compute_scores")
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


def prepare_folder(
    out: Path,
    model: str,
    models: Path,
    studies: Sequence[str],
    size: tuple[int, int] | None,
    batch_size: int | None,
) -> None:
    """A folder to run in: parameters of its own, everything else linked.

    Args:
        out: a folder that does not exist or was made by this function.
        model: one of `models`.
        models: folder with its settings and weights; all others are the repository's.
        studies: keys of params.yaml to keep; all if empty.
        size: prompts and seeds of the screening phase; params.yaml's if None.
        batch_size: images denoised together; the model's if None.

    Raises:
        ValueError: an unknown study.
    """
    params = read_yaml(ROOT / "params.yaml")
    unknown = set(studies) - params["studies"].keys()
    if unknown:
        raise ValueError(f"unknown studies {sorted(unknown)}")
    params["model"] = model
    if studies:
        params["studies"] = {key: params["studies"][key] for key in studies}
    if size:
        params["phases"]["screen"] = {"num_prompts": size[0], "num_seeds": size[1]}
    out.mkdir(parents=True, exist_ok=True)
    (out / "models").mkdir(exist_ok=True)
    linked = {folder: ROOT / folder for folder in ("calibration", "prompts", "questions")}
    for one in (ROOT / "models", models):
        linked |= {f"models/{path.name}": path for path in one.iterdir() if path.is_dir()}
    for name, path in linked.items():
        link = out / name
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())
    spec = read_yaml(models / f"{model}.yaml")
    spec["batch_size"] = batch_size or spec["batch_size"]
    _save(out / "models" / f"{model}.yaml", spec)
    _save(out / "params.yaml", params)


def run_stages(out: Path, results: Path, num_jobs: int, num_gpus: int) -> list[str]:
    """All stages up to the evidence, in `out`; what a study leaves is kept as soon as it is done.

    Returns:
        What failed, in words: a study that fails does not hold up the others.

    Raises:
        RuntimeError: what all studies need failed, or the baseline did.
    """
    params = load_params(out / "params.yaml")
    spec = load_model_spec(out / "models" / f"{params.model}.yaml")
    sizes = {
        key: len(study_variants(study, spec, out / "prompts" / "templates"))
        for key, study in params.studies.items()
    }
    for name in FIRST:
        run_stage(out, name, "", 0)
    first, *others = sorted(sizes, key=lambda key: (key != "baseline", -sizes[key]))
    failures: list[str] = []

    def chain(number: int, study: str) -> None:
        for name in CHAIN:
            run_stage(out, name, study, number % max(num_gpus, 1))
        keep_study(out, study, results)

    def chain_or_say(job: tuple[int, str]) -> None:
        try:
            chain(*job)
        except RuntimeError as error:
            failures.append(f"{job[1]}: {error}")

    chain(0, first)  # the baseline's images are then there for all
    with ThreadPoolExecutor(num_jobs) as executor:
        list(executor.map(chain_or_say, enumerate(others)))
    if "concept_probe" in sizes and not failures:
        run_stage(out, "probe_concepts", "", 0)
        shutil.copy(out / "metrics" / "probe_concepts.json", results)
    if not failures:
        run_stage(out, "weigh_claims", "", 0)
        shutil.copy(out / "reports" / "evidence.json", results)
    return failures


def run_stage(out: Path, name: str, study: str, gpu: int) -> float:
    """Run one stage in `out` and return its seconds.

    Raises:
        RuntimeError: it failed.
    """
    log = out / "logs" / f"{name}@{study or 'all'}.log"
    log.parent.mkdir(exist_ok=True)
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        "ZIMAGE_EVAL_STORE": str(out.resolve() / "store"),
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", str(gpu)),
    }
    started = time.monotonic()
    with log.open("w", encoding="utf-8") as file:
        command = [sys.executable, "-m", f"stages.{name}", *([study] if study else [])]
        done = subprocess.run(command, cwd=out, env=environment, stdout=file, stderr=file)
    seconds = time.monotonic() - started
    print(f"{name}@{study or 'all'}: {seconds:.0f} s", flush=True)
    if done.returncode:
        raise RuntimeError(f"{log}: {log.read_text(encoding='utf-8')[-2000:]}")
    return seconds


def keep_study(out: Path, study: str, results: Path) -> None:
    """Copy a study's scores and judged facts, thinned, into `results`."""
    (results / "facts").mkdir(parents=True, exist_ok=True)
    table = pq.read_table(out / "data" / "scores" / f"{study}.parquet")
    kept = [n for n in table.column_names if n in KEPT or n.startswith("fact_")]
    pq.write_table(table.select(kept), results / f"{study}.parquet", compression="zstd")
    facts = out / "data" / "facts" / f"{study}.parquet"
    table = pq.read_table(facts, columns=list(KEPT_FACTS))
    pq.write_table(table, results / "facts" / facts.name, compression="zstd")


def _save(path: Path, content: Any) -> None:  # noqa: ANN401 - whatever the file holds
    path.unlink(missing_ok=True)
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(content, file)


def main() -> None:
    """Read the arguments, prepare, run, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to run in")
    parser.add_argument("--results", type=Path, required=True, help="folder for what is kept")
    parser.add_argument("--model", default="nano")
    parser.add_argument("--models", type=Path, default=ROOT / "models", help="folder of the model")
    parser.add_argument("--studies", nargs="*", default=[], help="all if left out")
    parser.add_argument("--num-prompts", type=int)
    parser.add_argument("--num-seeds", type=int, default=1)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--jobs", type=int, default=1, help="studies side by side")
    parser.add_argument("--gpus", type=int, default=1)
    arguments = parser.parse_args()
    size = (arguments.num_prompts, arguments.num_seeds) if arguments.num_prompts else None
    prepare_folder(
        arguments.out,
        arguments.model,
        arguments.models,
        arguments.studies,
        size,
        arguments.batch_size,
    )
    failures = run_stages(arguments.out, arguments.results, arguments.jobs, arguments.gpus)
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
