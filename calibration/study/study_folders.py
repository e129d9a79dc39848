"""A folder for the stages of one study: parameters of its own, everything else linked.

Studies share nothing but what the repository holds, so that they run side by side, each from its
prompts to its scores without waiting for another.
"""

from pathlib import Path
from typing import Final, NamedTuple

from ruamel.yaml import YAML

from zimage_eval.config.frozen import read_yaml, unknown
from zimage_eval.output.project import Project
from zimage_eval.studies.plan import plan_studies

ROOT: Final = Path(__file__).parents[2]


class Sizes(NamedTuple):
    """What a run measures in the screening phase; None keeps what params.yaml says."""

    num_prompts: int | None = None
    num_seeds: int | None = None
    num_concept_seeds: int | None = None
    """Of the set `concepts`, whose prompts are as many as there are concepts."""


def study_keys(wanted: list[str]) -> list[str]:
    """The studies of params.yaml that are wanted, all if none is named.

    Raises:
        ValueError: an unknown study.
    """
    studies = list(read_yaml(ROOT / "params.yaml")["studies"])
    if strangers := [key for key in wanted if key not in studies]:
        raise ValueError(f"unknown study {unknown(strangers[0], studies)}")
    return wanted or studies


def prepare_folder(
    folder: Path, model: str, models: Path, study: str, sizes: Sizes, batch_size: int | None
) -> None:
    """Make the folder of a study.

    Args:
        folder: one that does not exist or was made by this function.
        model: one of `models`.
        models: folder with its settings and weights; all others are the repository's.
        study: key of params.yaml.
        sizes: what differs from params.yaml.
        batch_size: images denoised together; the model's if None.
    """
    (folder / "models").mkdir(parents=True, exist_ok=True)
    linked = {"prompts": ROOT / "prompts"}
    for source in (ROOT / "models", models):
        linked |= {f"models/{path.name}": path for path in source.iterdir() if path.is_dir()}
    for name, path in linked.items():
        link(folder / name, path)
    spec = read_yaml(models / f"{model}.yaml")
    spec["batch_size"] = batch_size or spec["batch_size"]
    _save(folder / "models" / f"{model}.yaml", spec)
    params = read_yaml(ROOT / "params.yaml")
    params |= {"model": model, "studies": {study: params["studies"][study]}}
    _resize(params["phases"]["screen"], sizes.num_prompts, sizes.num_seeds)
    _resize(params["phases_of"]["concepts"]["screen"], None, sizes.num_concept_seeds)
    _save(folder / "params.yaml", params)


def count_forwards(folder: Path) -> int:
    """Transformer evaluations that the study of a folder takes."""
    project = Project.open(folder)
    plans = plan_studies(project.params, project.spec, project.templates)
    return sum(plan.num_forwards for plan in plans)


def link(place: Path, target: Path) -> None:
    """Put a link to `target` into `place`, instead of one that is there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(target.resolve())


def _resize(phase: dict[str, int], num_prompts: int | None, num_seeds: int | None) -> None:
    phase["num_prompts"] = num_prompts or phase["num_prompts"]
    phase["num_seeds"] = num_seeds or phase["num_seeds"]


def _save(path: Path, content: object) -> None:
    path.unlink(missing_ok=True)
    with path.open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(content, file)
