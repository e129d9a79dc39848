"""Everything that a run will read, read before anything runs; what is wrong is a line each."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, get_args

from zimage_eval.benchmarks.comparison.models import load_compared_model
from zimage_eval.benchmarks.comparison.prompts import comparison_prompts, read_prompts
from zimage_eval.config.frozen import Problems, read_yaml, unknown, yaml_files
from zimage_eval.config.measuring import BackboneName
from zimage_eval.config.model_spec import ModelSpec, prompt_set_of
from zimage_eval.config.params import Params, phases_of_role
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.judges.hand_labels import read_hand_labels
from zimage_eval.metrics.networks.files import network_path
from zimage_eval.metrics.networks.lpips_trunks import alexnet_file
from zimage_eval.model.folder import (
    PARTS,
    check_digests,
    check_image_size,
    check_model,
    check_parts,
)
from zimage_eval.model.memory import WEIGHT_FILES, check_weight_values
from zimage_eval.output.project import Project
from zimage_eval.prompts.sets import load_prompt_set, split_phases
from zimage_eval.prompts.templates import study_variants
from zimage_eval.questions.known import BENCHMARKS, Known
from zimage_eval.questions.questions import check_references, load_questions
from zimage_eval.questions.terms import load_terms
from zimage_eval.report.citations import wrong_references

FIGURES = Path("reports/figures")
TEMPLATES = Path("prompts/templates")
RESULTS = (Path("metrics"), Path("reports/machine"))


def check_project(project: Project) -> list[str]:
    """Read parameters, model, weights, prompts, questions and what measures.

    Returns:
        What is in order, a line each.

    Raises:
        Problems: something is missing or wrong; a line each, with file and key.
        ValueError: the parameters or the model's settings are none.
    """
    folder, params, spec = project.folder, project.params, project.spec
    problems: list[str] = []
    lines = [f"{spec.title}: all that a run reads is in order"]
    variants: dict[str, tuple[Variant, ...]] = {}

    def attempt(step: Callable[[], str | None]) -> None:
        try:
            line = step()
        except ValueError as error:
            problems.extend(error.args if isinstance(error, Problems) else [str(error)])
        else:
            lines.extend([] if line is None else [line])

    attempt(partial(_check_params, folder))
    attempt(partial(_check_study_names, folder, params))
    attempt(partial(_check_templates, folder / "prompts"))
    attempt(partial(_check_small_sets, project))
    for role in spec.prompt_sets:
        attempt(partial(_check_prompts, project, role))
    for key in params.studies:
        attempt(partial(_expand, project, key, variants))
    attempt(partial(_check_weights, project, variants))
    for name in spec.networks:
        attempt(partial(_check_network, spec, name))
    attempt(partial(_check_measured, project))
    attempt(partial(_check_comparison, project))
    attempt(partial(_check_questions, project, variants))
    if problems:
        raise Problems(*problems)
    return lines


def _check_params(folder: Path) -> None:
    """DVC stops at a key that a stage depends on and the file has not."""
    path = folder / "params.yaml"
    if "phases_of" not in read_yaml(path):
        raise ValueError(f"{path}: phases_of: missing; {{}} gives all roles the sizes of `phases`")


def _check_study_names(folder: Path, params: Params) -> None:
    """A study's results are named after it, and DVC has no two stages write one file or folder."""
    taken = {}
    for stage, output in _outputs(folder):
        parts = Path(output).with_suffix("").parts
        for place in (("metrics",), ("reports", "tables"), ("reports", "figures")):
            if parts[: len(place)] == place and len(parts) > len(place):
                taken[parts[len(place)]] = f"{stage} writes {output}"
    problems = [
        f"{folder / 'params.yaml'}: studies.{key}: {taken[key]}; the study needs another name"
        for key in params.studies
        if key in taken
    ]
    if problems:
        raise Problems(*problems)


def _check_templates(folder: Path) -> None:
    """Every file of templates is for a prompt set that is there."""
    sets = sorted(path.name for path in folder.glob("*/") if path.name != TEMPLATES.name)
    for path in yaml_files(folder / TEMPLATES.name):
        if path.stem not in sets:
            raise ValueError(f"{path}: no prompt set is {unknown(path.stem, sets)}")


def _check_small_sets(project: Project) -> None:
    from zimage_eval.config.set_metrics import set_metrics

    names = set_metrics(get_args(BackboneName))
    for name in project.spec.distribution.small_sets_allowed:
        if name not in names:
            raise ValueError(
                f"{project.model_file}: distribution.small_sets_allowed: no metric of sets is "
                f"{unknown(name, names)}"
            )


def _check_prompts(project: Project, role: str) -> None:
    folder = project.prompt_set(role)
    prompts = load_prompt_set(folder, project.spec.judge)
    sizes = phases_of_role(project.params, role)
    try:
        split_phases(prompts, sizes.screen.num_prompts, sizes.confirm.num_prompts)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def _expand(project: Project, key: str, variants: dict[str, tuple[Variant, ...]]) -> None:
    study, spec = project.params.get_study(key), project.spec
    try:
        prompt_set_of(spec, study.prompts)
        variants[key] = study_variants(study, spec, project.templates)
    except ValueError as error:
        raise ValueError(f"{project.folder / 'params.yaml'}: studies.{key}: {error}") from error


def _check_weights(project: Project, variants: Mapping[str, tuple[Variant, ...]]) -> str | None:
    """Weights that are the stated ones are whole; others are held to what their classes have."""
    weights = project.model_folder
    limits = check_model(weights, PARTS, ())
    for key, group in variants.items():
        for variant in group:
            try:
                check_image_size(limits, variant.settings.image)
            except ValueError as error:
                raise ValueError(f"study {key}, variant {variant.name}: {error}") from error
    unstated = check_digests(weights, project.spec.sha256, str(project.model_file))
    if not unstated:
        return None
    # torch and the models' libraries take seconds to import
    from zimage_eval.model.transformer import check_image_weights
    from zimage_eval.text.encoder import check_text_side

    problems = []
    checks: list[Callable[[], None]] = [
        partial(check_text_side, weights),
        partial(check_image_weights, weights, ("transformer", "vae")),
        *(partial(check_weight_values, weights / part) for part in WEIGHT_FILES),
    ]
    for check in checks:
        try:
            check()
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise Problems(*problems)
    return (
        f"{project.model_file} states no sha256 of {len(unstated)} files, such as {unstated[0]}: "
        "they are taken as they are"
    )


def _check_network(spec: ModelSpec, name: Any) -> None:  # noqa: ANN401 - a key of spec.networks
    network_path(name, spec.networks[name])


def _check_measured(project: Project) -> str | None:
    spec = project.spec
    if spec.hand_labels is not None:
        read_hand_labels(spec.hand_labels)
    alexnet_file(project.lpips_folder)
    if spec.distribution.reference.source != "folder":
        return None
    from zimage_eval.metrics.sets.reference import folder_pictures

    reference = spec.distribution.reference
    return f"reference {reference.path}: {len(folder_pictures(reference))} pictures"


def _check_comparison(project: Project) -> None:
    """Models whose weights are missing are no problem: they are compared where they are."""
    entry, folder = project.params.comparison, project.folder
    if entry is None:
        return
    comparison_prompts(*read_prompts(folder / "prompts", entry, project.spec.judge), entry)
    for name in entry.models:
        compared = load_compared_model(folder / "models" / f"{name}.yaml")
        weights = folder / "models" / name
        is_there = (weights / "model_index.json").is_file() and name != project.model
        if isinstance(compared, ModelSpec) and is_there:
            check_parts(weights, PARTS)
            check_digests(weights, compared.sha256, f"{weights}.yaml")


def _check_questions(project: Project, variants: Mapping[str, tuple[Variant, ...]]) -> None:
    folder, params = project.folder, project.params
    load_terms(folder / "questions")
    questions = load_questions(folder / "questions")
    if variants.keys() != params.studies.keys():
        return  # their problem is reported, and what is not expanded can't be referred to
    names = {
        key: {variant.name for variant in group} | set(params.get_study(key).variants)
        for key, group in variants.items()
    }
    categories = {
        prompt.category
        for role in project.spec.prompt_sets
        for prompt in load_prompt_set(project.prompt_set(role))
    }
    known = Known(variants=names, categories=categories, figures=_figures(folder, params))
    problems = list(check_references(folder / "questions", questions, known))
    measured = [*BENCHMARKS, *(set(_results(folder)) - set(BENCHMARKS) - names.keys())]
    for name, question in questions.items():
        for sentence in question.sentences:
            wrong = wrong_references(sentence, names, measured)
            problems += [f"{folder / 'questions' / name}.yaml: {words}" for words in wrong]
    if problems:
        raise Problems(*problems)


def _figures(folder: Path, params: Params) -> set[str]:
    """The figures that are there, and those that a stage of the graph will draw."""
    there = {path.relative_to(folder / FIGURES).as_posix() for path in _pngs(folder / FIGURES)}
    written = [path for _, path in _outputs(folder)]
    drawn = {path.replace("${key}", key) for path in written for key in params.studies}
    return there | {path.removeprefix(f"{FIGURES.as_posix()}/") for path in drawn}


def _results(folder: Path) -> Iterator[str]:
    """Names of the results that are there: `h100_profile` is reports/machine/h100/profile.json."""
    for place in RESULTS:
        for path in (folder / place).rglob("*.json"):
            yield "_".join(path.relative_to(folder / place).with_suffix("").parts)


def _outputs(folder: Path) -> Iterator[tuple[str, str]]:
    """What the graph writes: `<file>:<stage>` and the path, which may hold `${key}`."""
    for graph in [folder / "dvc.yaml", *sorted((folder / "benchmarks").glob("*/dvc.yaml"))]:
        stages = read_yaml(graph)["stages"] if graph.is_file() else {}
        for name, stage in stages.items():
            entry = stage.get("do", stage)
            for output in (entry.get(kind, []) for kind in ("outs", "metrics", "plots")):
                for path in output:
                    yield f"{graph}:{name}", path if isinstance(path, str) else next(iter(path))


def _pngs(folder: Path) -> Iterator[Path]:
    return folder.rglob("*.png")
