"""The plan of all studies: images, forwards, minutes, and the smallest effect each can detect."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from zimage_eval.config.model_spec import ModelSpec, prompt_set_of
from zimage_eval.config.params import PHASES, Params, Phase, Phases, phases_of_role
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant, phase_variants
from zimage_eval.output.text_tables import Column, TextTable
from zimage_eval.prompts.templates import study_variants
from zimage_eval.statistics.power import deviation_under_test, smallest_effect


class StudyPlan(NamedTuple):
    """One row of the plan."""

    study: str
    num_variants: int
    num_images: int
    """Images to draw, without those that an earlier study of the plan draws."""
    num_forwards: int
    """Transformer evaluations for these images; with guidance there are two per step."""
    minutes: float
    screen_effect: float | None
    """Smallest difference in alignment that screening can detect; None if nothing is compared."""
    confirm_effect: float | None


def plan_studies(params: Params, spec: ModelSpec, templates: Path) -> tuple[StudyPlan, ...]:
    """Plan each study in order. Images that two studies share are counted for the first one.

    Args:
        params: params.yaml.
        spec: of the model to be studied.
        templates: folder of the prompt templates.

    Raises:
        ValueError: a study's variants can't be expanded, or the model has no prompts for it; names
            the study.
    """
    drawn: set[tuple[str, Phase, str]] = set()
    plans = []
    for key, study in params.studies.items():
        try:
            prompt_set_of(spec, study.prompts)
            variants = study_variants(study, spec, templates)
        except ValueError as error:
            raise ValueError(f"studies.{key}: {error}") from error
        num_images = num_forwards = 0
        seconds, sizes = 0.0, phases_of_role(params, study.prompts)
        for phase in PHASES:
            size = getattr(sizes, phase)
            for variant in phase_variants(variants, phase, study.confirm):
                image = (study.prompts, phase, variant.settings.canonical())
                if image not in drawn:
                    drawn.add(image)
                    count = size.num_prompts * size.num_seeds
                    num_images += count
                    num_forwards += count * variant.settings.sampler.forwards_per_image
                    seconds += count * predict_seconds(variant.settings, spec)
        plans.append(
            StudyPlan(
                study=key,
                num_variants=len(variants),
                num_images=num_images,
                num_forwards=num_forwards,
                minutes=seconds / 60,
                screen_effect=_effect(sizes, spec, "screen", variants, study.confirm),
                confirm_effect=_effect(sizes, spec, "confirm", variants, study.confirm),
            )
        )
    return tuple(plans)


def predict_seconds(settings: Settings, spec: ModelSpec) -> float:
    """Predicted seconds for one image, from `spec.planning`, in proportion to the image's area."""
    default, image = spec.defaults.image, settings.image
    area = image.height * image.width / (default.height * default.width)
    figures = spec.planning
    forwards = settings.sampler.forwards_per_image
    return area * (forwards * figures.seconds_per_forward + figures.seconds_per_image)


def plan_table(plans: Sequence[StudyPlan], params: Params, spec: ModelSpec) -> TextTable:
    """The plan as a table with its sums, and an explanation of its columns below."""
    names = ("variants", "images", "forwards", "minutes", "screen sees", "confirm sees")
    rows = [
        (
            plan.study,
            str(plan.num_variants),
            str(plan.num_images),
            str(plan.num_forwards),
            f"{plan.minutes:.1f}",
            _number(plan.screen_effect),
            _number(plan.confirm_effect),
        )
        for plan in plans
    ]
    total = (
        "total",
        "",
        str(sum(plan.num_images for plan in plans)),
        str(sum(plan.num_forwards for plan in plans)),
        f"{sum(plan.minutes for plan in plans):.1f}",
        "",
        "",
    )
    others = [f"prompt set {role}: {_sizes(sizes)}" for role, sizes in params.phases_of.items()]
    return TextTable(
        columns=[Column("study"), *(Column(name, is_right_aligned=True) for name in names)],
        rows=[*rows, total],
        above=[f"{spec.title}: {_sizes(params.phases)}", *others, ""],
        below=["", *_notes(spec).splitlines()],
    )


def _effect(
    sizes: Phases, spec: ModelSpec, phase: Phase, variants: Sequence[Variant], confirm: str | None
) -> float | None:
    if spec.judge == "none" or len(phase_variants(variants, phase, confirm)) < 2:
        return None
    num_prompts = getattr(sizes, phase).num_prompts
    deviation = deviation_under_test(spec.planning.alignment_sd, num_prompts, is_judged=True)
    return smallest_effect(deviation, num_prompts)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _sizes(phases: Phases) -> str:
    sizes = [(phase, getattr(phases, phase)) for phase in PHASES]
    return ", ".join(
        f"{phase} {size.num_prompts} prompts x {size.num_seeds}" for phase, size in sizes
    )


def _notes(spec: ModelSpec) -> str:
    figures = spec.planning
    costs = f"{figures.seconds_per_forward:g} s a forward, {figures.seconds_per_image:g} s an image"
    effect = (
        f"(1.960 + 0.842) * sqrt({figures.alignment_sd:g}^2 + 2 / num_prompts) / sqrt(num_prompts)"
    )
    return f"""\
prompts x 1       every prompt is drawn with one seed
images, forwards  still to draw after sharing with the studies above; guidance counts two a step
minutes           at {costs}, without benchmarks and the start
                  of the stages
-                 nothing is compared, or no judge says what a picture shows
sees              smallest difference in alignment found with 80 % power at a two-sided 5 %, paired,
                  prompts as clusters and two pseudo-prompts at the ends of the range:
                  {effect}"""
