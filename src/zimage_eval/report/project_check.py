"""Everything that a run will read, read once before anything runs; what is wrong is a line each."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from zimage_eval.benchmarks.comparison.models import check_compared_models
from zimage_eval.benchmarks.comparison.prompts import comparison_prompts
from zimage_eval.config.frozen import Problems
from zimage_eval.config.measuring import NetworkName, PinnedFile
from zimage_eval.config.model_spec import prompt_set_of
from zimage_eval.config.params import phases_of_role
from zimage_eval.config.set_metrics import check_set_metrics
from zimage_eval.config.variants import Variant
from zimage_eval.config.weight_sources import stated_in
from zimage_eval.metrics.judges.hand_labels import read_hand_labels
from zimage_eval.metrics.networks.files import network_path
from zimage_eval.metrics.networks.lpips_trunks import alexnet_file
from zimage_eval.output.graph_outputs import (
    GraphOutput,
    check_study_names,
    figure_names,
    read_graph_outputs,
    result_names,
)
from zimage_eval.output.project import Project
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.prompts.sets import Prompt, load_prompt_set, split_phases
from zimage_eval.prompts.templates import check_template_files, study_variants
from zimage_eval.questions.corrections import load_corrections
from zimage_eval.questions.known import BENCHMARKS, Known
from zimage_eval.questions.questions import check_references, load_questions
from zimage_eval.questions.terms import CORRECTIONS_FILE, load_terms
from zimage_eval.report.citations import wrong_citations, wrong_references
from zimage_eval.report.judgements import page_judgements
from zimage_eval.text.weight_checks import check_weights


class CheckedPart(NamedTuple):
    """Something that a run reads and that is in order."""

    name: str
    note: str | None
    """What is worth knowing of it all the same."""


class ProjectCheck(NamedTuple):
    """A project in which all that a run reads is in order."""

    title: str
    """Of the model."""
    parts: list[CheckedPart]


class _Reading(NamedTuple):
    """What was read so far; what is wrong is in none of the mappings."""

    project: Project
    outputs: list[GraphOutput]
    prompt_sets: dict[str, tuple[Prompt, ...]]
    variants: dict[str, tuple[Variant, ...]]


def check_project(project: Project) -> ProjectCheck:
    """Read parameters, model, weights, prompts, questions and what measures.

    Raises:
        Problems: something is missing or wrong; a line each, with file and key.
        ValueError: the parameters or the model's settings are none.
    """
    title = project.spec.title
    reading = _Reading(project, read_graph_outputs(project.folder), {}, {})
    parts: list[CheckedPart] = []
    problems: list[str] = []
    for name, step in _steps(reading):
        try:
            parts.append(CheckedPart(name, step()))
        except ValueError as error:
            problems += error.args if isinstance(error, Problems) else [str(error)]
    if problems:
        raise Problems(*problems)
    return ProjectCheck(title, parts)


def _steps(reading: _Reading) -> Iterator[tuple[str, Callable[[], str | None]]]:
    """What is checked, in order: later steps use what earlier ones have read."""
    project = reading.project
    params, spec = project.params, project.spec
    yield "parameters", partial(_check_params, reading)
    yield "templates", partial(check_template_files, project.folder / "prompts")
    yield "metrics of sets", partial(_check_small_sets, reading)
    entry = params.comparison
    compared = () if entry is None else (entry.prompt_set, entry.capabilities)
    sets = dict.fromkeys([*spec.prompt_sets.values(), *filter(None, compared)])
    for name in sets:
        yield f"prompts {name}", partial(_read_prompts, reading, name)
    yield "sizes", partial(_check_sizes, reading)
    for key in params.studies:
        yield f"study {key}", partial(_expand_study, reading, key)
    yield f"weights {project.model}", partial(_check_weights, reading)
    for network, file in spec.networks.items():
        yield f"network {network}", partial(_check_network, network, file)
    yield "what measures", partial(_check_measured, reading)
    yield "comparison", partial(_check_comparison, reading)
    yield "questions", partial(_check_questions, reading)


def _check_params(reading: _Reading) -> None:
    """DVC stops at a key that a stage depends on and the file has not."""
    project = reading.project
    path = project.folder / "params.yaml"
    if "phases_of" not in project.params.model_fields_set:
        raise ValueError(f"{path}: phases_of: missing; {{}} gives all roles the sizes of `phases`")
    check_study_names(project.params.studies, reading.outputs, path)


def _check_small_sets(reading: _Reading) -> None:
    project = reading.project
    try:
        check_set_metrics(project.spec.distribution.small_sets_allowed)
    except ValueError as error:
        raise ValueError(
            f"{project.model_file}: distribution.small_sets_allowed: {error}"
        ) from error


def _read_prompts(reading: _Reading, name: str) -> None:
    project = reading.project
    folder = project.folder / "prompts" / name
    reading.prompt_sets[name] = load_prompt_set(folder, project.spec.judge)


def _check_sizes(reading: _Reading) -> str:
    """How many prompts are asked for, and how many there are; what is too large is refused."""
    project = reading.project
    sizes_in_words, problems = [], []
    for role, name in project.spec.prompt_sets.items():
        prompts = reading.prompt_sets.get(name)
        if prompts is None:
            continue  # what is wrong with the set is reported
        sizes = phases_of_role(project.params, role)
        screen, confirm = sizes.screen.num_prompts, sizes.confirm.num_prompts
        asked_for = f"{screen} + {confirm} of {len(prompts)}"
        sizes_in_words.append(f"{role} {asked_for}")
        try:
            split_phases(prompts, screen, confirm)
        except ValueError as error:
            problems.append(f"{project.folder / 'prompts' / name}: {asked_for} prompts: {error}")
    if problems:
        raise Problems(*problems)
    return f"prompts to screen + to confirm, of those there are: {', '.join(sizes_in_words)}"


def _expand_study(reading: _Reading, key: str) -> None:
    project = reading.project
    study = project.params.get_study(key)
    try:
        prompt_set_of(project.spec, study.prompts)
        reading.variants[key] = study_variants(study, project.spec, project.templates)
    except ValueError as error:
        raise ValueError(f"{project.folder / 'params.yaml'}: studies.{key}: {error}") from error


def _check_weights(reading: _Reading) -> str | None:
    project = reading.project
    where = stated_in(project.model_file)
    unstated = check_weights(project.model_folder, project.spec, str(where), reading.variants)
    if not unstated:
        return None
    return (
        f"{where} states no sha256 of {len(unstated)} files, such as {unstated[0]}: "
        "they are taken as they are"
    )


def _check_network(name: NetworkName, file: PinnedFile) -> None:
    network_path(name, file)


def _check_measured(reading: _Reading) -> str | None:
    project, spec = reading.project, reading.project.spec
    if spec.hand_labels is not None:
        read_hand_labels(spec.hand_labels)
    alexnet_file(project.lpips_folder)
    reference = spec.distribution.reference
    if reference.source != "folder":
        return None
    from zimage_eval.metrics.sets.reference import folder_pictures

    return f"reference {reference.path}: {len(folder_pictures(reference))} pictures"


def _check_comparison(reading: _Reading) -> None:
    project = reading.project
    entry = project.params.comparison
    if entry is None:
        return
    names = [name for name in (entry.prompt_set, entry.capabilities) if name is not None]
    sets = [reading.prompt_sets[name] for name in names if name in reading.prompt_sets]
    if len(sets) == len(names):  # else their problem is reported
        comparison_prompts(sets[0], sets[1] if len(sets) > 1 else (), entry)
    check_compared_models(project.folder / "models", entry, project.model)


def _check_questions(reading: _Reading) -> None:
    project = reading.project
    folder, params = project.folder / "questions", project.params
    load_terms(folder)
    questions = load_questions(folder)
    corrections = load_corrections(folder, [question.row for question in questions.values()])
    sets = project.spec.prompt_sets.values()
    if params.studies.keys() != reading.variants.keys() or set(sets) - reading.prompt_sets.keys():
        return  # the problem is reported, and what is not read can't be referred to
    names = {
        key: {variant.name for variant in group}
        | set(params.get_study(key).variants)
        | {SWAPPED_PROMPTS}
        for key, group in reading.variants.items()
    }
    categories = {prompt.category for name in sets for prompt in reading.prompt_sets[name]}
    figures = figure_names(project.folder, reading.outputs, params.studies)
    problems = list(check_references(folder, questions, Known(names, categories, figures)))
    results = set(result_names(project.folder))
    measured = [*BENCHMARKS, *(results - set(BENCHMARKS) - names.keys())]
    problems += wrong_citations(folder, questions, names, measured)
    problems += page_judgements(folder, questions)
    problems += [
        f"{folder / CORRECTIONS_FILE}: {problem}"
        for correction in corrections
        for problem in wrong_references(correction.truth, names, measured)
    ]
    if problems:
        raise Problems(*problems)
