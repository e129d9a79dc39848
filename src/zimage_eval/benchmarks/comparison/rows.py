"""Observations of compared models -> rows of results: every model, every two, their sets."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np

from zimage_eval.benchmarks.comparison.observations import SHARES, STYLE_WORD
from zimage_eval.benchmarks.comparison.prompts import INFERRED, MISPLANNED, PLANNED, STATED
from zimage_eval.config.measuring import BackboneName, Distribution
from zimage_eval.config.set_metrics import FID_BACKBONE, frechet_name
from zimage_eval.metrics.sets.catalogue import FeatureVectors
from zimage_eval.metrics.sets.features import StudyFeatures, resplit
from zimage_eval.metrics.sets.frechet import FID_MIN_IMAGES, frechet_distance
from zimage_eval.metrics.sets.kernel import KID_MIN_IMAGES, kid_score
from zimage_eval.output.observations import Measurement, mean_rows, named
from zimage_eval.statistics.estimates import (
    Estimate,
    estimate,
    jackknife,
    paired_differences,
    prompt_means,
)

SeedScores = dict[tuple[str, int], float | None]


class Capability(NamedTuple):
    """One thing that a model may be able to do."""

    category: str
    """Of the prompts that ask for it."""
    metric: str
    less: str | None
    """Category whose score is taken off, of the same scenes; None for the score itself."""


CAPABILITIES: Final[Mapping[str, Capability]] = {
    "counting": Capability("count", "fact_count", None),
    "relations": Capability("relation", "fact_relation", None),
    "attribute_binding": Capability("composition", "fact_color", None),
    "text_rendering": Capability("letters", "fact_shape", None),
    "word_rendering": Capability("words", "all_facts", None),
    "reasoning": Capability(INFERRED, "all_facts", None),
    "reasoning_stated": Capability(STATED, "all_facts", None),
    "reasoning_loss": Capability(STATED, "all_facts", INFERRED),
    "planning_gain": Capability(PLANNED, "all_facts", INFERRED),
    "planning_content": Capability(PLANNED, "all_facts", MISPLANNED),
}
UNTESTABLE: Final = ("anatomy",)
"""What takes a judge that there is none of: no detector counts fingers."""
DIFFERENCE_BOUNDS: Final = (-1.0, 1.0)
NUM_NULLS: Final = 39
NULL_QUANTILE: Final = 0.95


class SetDistance(NamedTuple):
    """One distance of one model."""

    found: Estimate
    """Over prompts."""
    null: float | None
    """Mean of the distance between two sets of the same sizes drawn from all pictures together."""
    null_high: float | None
    """What that stays below in 95 of 100 draws, seeds of a prompt counted singly."""
    note: str
    """Why there is no number; empty where there is one."""


class Measure(NamedTuple):
    """A distance of two sets of features."""

    distance: Callable[[FeatureVectors, FeatureVectors], float]
    least: int
    """Pictures that each set must have."""


def pair_name(one: str, other: str) -> str:
    """Row of the differences `one` minus `other`."""
    return f"{one} - {other}"


def compared_model_rows(
    observations: Sequence[Measurement], main: Collection[str]
) -> dict[str, dict[str, float | None]]:
    """`<model>` over the prompt set, and `<model>/<category>`.

    Args:
        observations: of all models.
        main: categories of the prompt set.
    """
    everything = [row._replace(category="") for row in observations if row.category in main]
    rows = mean_rows([*observations, *everything], (*SHARES, STYLE_WORD))
    return {name.removesuffix("/"): numbers for name, numbers in rows.items()}


def difference_rows(
    models: Sequence[str], observations: Sequence[Measurement], main: Collection[str]
) -> dict[str, dict[str, float | None]]:
    """`<one> - <other>` of every two models over the prompt set, and by category.

    Seeds of a prompt are averaged before prompts are paired: the models' noise has nothing in
    common, their prompts have.
    """
    rows: dict[str, dict[str, float | None]] = {}
    for one, other in combinations(models, 2):
        for category in ("", *sorted({row.category for row in observations})):
            wanted = main if category == "" else [category]
            numbers: dict[str, float | None] = {}
            for metric in sorted({row.metric for row in observations}):
                scores = [_scores(observations, model, wanted, metric) for model in (one, other)]
                found = difference(scores[0], scores[1], is_share=metric in (*SHARES, STYLE_WORD))
                if found.num_prompts:
                    numbers |= named(metric, found)
                    most = max(found.num_prompts, int(numbers.get("num_units") or 0))
                    numbers["num_units"] = most
            if numbers:
                rows[f"{pair_name(one, other)}/{category}".removesuffix("/")] = numbers
    return rows


def difference(one: SeedScores, other: SeedScores, *, is_share: bool) -> Estimate:
    """Mean over prompts of the difference of two models' (or categories') prompt means."""
    means = [{(name, 0): mean for name, mean in prompt_means(s).items()} for s in (one, other)]
    values = paired_differences(means[0], means[1])
    return estimate(list(values.values()), DIFFERENCE_BOUNDS if is_share else None)


def capability_row(observations: Sequence[Measurement], model: str) -> dict[str, float | None]:
    """Every capability of a model with its interval; null where nothing asked for it."""
    row: dict[str, float | None] = dict.fromkeys(UNTESTABLE)
    for name, each in CAPABILITIES.items():
        scores = _scores(observations, model, [each.category], each.metric)
        if each.less is None:
            found = estimate(list(prompt_means(scores).values()), (0.0, 1.0))
        else:
            less = _scores(observations, model, [each.less], each.metric)
            found = difference(scores, less, is_share=True)
        row |= named(name, found)
    return row


def capability_difference(
    observations: Sequence[Measurement], model: str, other: str
) -> dict[str, float | None]:
    """How much better `model` is than `other` at what it is asked for, paired by prompt.

    What is a contrast within a model (planning, reasoning's loss) is not set off once more.
    """
    row: dict[str, float | None] = {}
    for name, each in CAPABILITIES.items():
        if each.less is None:
            scores = [
                _scores(observations, m, [each.category], each.metric) for m in (model, other)
            ]
            row |= named(name, difference(scores[0], scores[1], is_share=True))
    return row


def style_coverage(observations: Sequence[Measurement], model: str) -> dict[str, float | None]:
    """How often a style word is drawn right, all words alike, and how many mostly are.

    The interval is over prompts; what words could have been asked for besides is not in it.
    """
    rows = [
        row
        for row in observations
        if row.variant == model and row.metric == STYLE_WORD and row.value is not None
    ]

    def mean_over_words(kept: Collection[str]) -> float | None:
        means = _word_means([row for row in rows if row.unit in set(kept)])
        return float(np.mean(list(means.values()))) if means else None

    means = _word_means(rows)
    found = jackknife({row.unit for row in rows}, mean_over_words, (0.0, 1.0))
    covered = sum(mean > 0.5 for mean in means.values())
    return {
        **named("style_coverage", found),
        "num_styles": len(means),
        "num_styles_covered": covered,
    }


def facts_slope(
    observations: Sequence[Measurement], model: str, facts: Mapping[str, int]
) -> dict[str, float | None]:
    """Change of alignment with each further fact of a prompt, by least squares over prompts.

    Args:
        observations: of all models.
        model: its name.
        facts: number of facts of each prompt of the prompt set.
    """
    scores = {
        (row.unit, row.replicate): row.value
        for row in observations
        if row.variant == model and row.metric == "alignment" and row.unit in facts
    }
    means = prompt_means(scores)

    def slope(kept: Collection[str]) -> float | None:
        numbers = np.array([facts[name] for name in kept], dtype=float)
        if len(numbers) == 0 or np.ptp(numbers) == 0:
            return None
        values = np.array([means[name] for name in kept])
        return float(np.polyfit(numbers, values, 1)[0])

    return named("alignment_per_fact", jackknife(means, slope))


def measures(backbone: BackboneName, num_features: int, seed: int) -> dict[str, Measure]:
    """KID and the Fréchet distance on a backbone, by the metric's name."""
    least = FID_MIN_IMAGES if backbone == FID_BACKBONE else num_features
    return {
        f"kid_{backbone}": Measure(
            lambda one, other: kid_score(one, other, seed).value, KID_MIN_IMAGES
        ),
        frechet_name(backbone): Measure(frechet_distance, least),
    }


def set_distance(
    measure: Measure, model: StudyFeatures, reference: FeatureVectors | None, seed: int
) -> SetDistance:
    """The distance of a model's pictures to the reference."""
    units, features = _units(model), model.features
    note = too_few(measure, features, reference)
    if note or reference is None:
        return SetDistance(Estimate(len(set(units)), None, None, None), None, None, note)
    found = jackknife(units, lambda kept: measure.distance(features[_in(units, kept)], reference))
    pool = features.astype(np.float64), reference.astype(np.float64)
    nulls = [measure.distance(*resplit(*pool, seed + draw)) for draw in range(NUM_NULLS)]
    return SetDistance(found, float(np.mean(nulls)), float(np.quantile(nulls, NULL_QUANTILE)), "")


def distance_difference(
    measure: Measure, one: StudyFeatures, other: StudyFeatures, reference: FeatureVectors | None
) -> Estimate:
    """How much farther `one` is from the reference than `other`, on the prompts that both drew."""
    units = _units(one), _units(other)
    shared = set(units[0]) & set(units[1])
    if reference is None or any(
        too_few(measure, each.features, reference) for each in (one, other)
    ):
        return Estimate(len(shared), None, None, None)

    def difference(kept: Collection[str]) -> float:
        first, second = (
            measure.distance(model.features[_in(names, kept)], reference)
            for model, names in zip((one, other), units, strict=True)
        )
        return first - second

    return jackknife(shared, difference)


def too_few(measure: Measure, features: FeatureVectors, reference: FeatureVectors | None) -> str:
    """Why there is no distance; empty where there is one."""
    if reference is None:
        return "no reference pictures"
    sizes: Mapping[str, int] = {"images": len(features), "reference pictures": len(reference)}
    few = [f"{n} {what}, {measure.least} needed" for what, n in sizes.items() if n < measure.least]
    return "; ".join(few)


def backbone_measures(
    backbone: BackboneName, features: FeatureVectors, settings: Distribution
) -> dict[str, Measure]:
    """`measures` for features as they were made; sets that are allowed to be small may be."""
    found = measures(backbone, features.shape[1], settings.seed)
    allowed = settings.small_sets_allowed
    return {n: m._replace(least=2) if n in allowed else m for n, m in found.items()}


def _word_means(rows: Sequence[Measurement]) -> dict[str, float]:
    words: dict[str, SeedScores] = {}
    for row in rows:
        words.setdefault(row.category, {})[row.unit, row.replicate] = row.value
    return {word: float(np.mean(list(prompt_means(s).values()))) for word, s in words.items()}


def _scores(
    observations: Sequence[Measurement], model: str, categories: Collection[str], metric: str
) -> SeedScores:
    return {
        (row.unit, row.replicate): row.value
        for row in observations
        if row.variant == model and row.category in categories and row.metric == metric
    }


def _units(model: StudyFeatures) -> list[str]:
    return [row["prompt_id"] for row in model.rows]


def _in(units: Collection[str], kept: Collection[str]) -> list[int]:
    wanted = set(kept)
    return [index for index, unit in enumerate(units) if unit in wanted]
