"""Distances of a model's pictures to the reference, with intervals over prompts and their null."""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zimage_eval.config.measuring import BackboneName, Distribution
from zimage_eval.metrics.sets.features import StudyFeatures, resplit
from zimage_eval.metrics.sets.frechet import FID_BACKBONE, FID_LEAST, frechet_distance, frechet_name
from zimage_eval.metrics.sets.kernel import KID_LEAST, kid_score
from zimage_eval.statistics.estimates import Estimate, jackknife

Vectors = NDArray[np.floating]
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

    distance: Callable[[Vectors, Vectors], float]
    least: int
    """Pictures that each set must have."""


def measures(backbone: BackboneName, num_features: int, seed: int) -> dict[str, Measure]:
    """KID and the Fréchet distance on a backbone, by the metric's name."""
    least = FID_LEAST if backbone == FID_BACKBONE else num_features
    return {
        f"kid_{backbone}": Measure(lambda one, other: kid_score(one, other, seed).value, KID_LEAST),
        frechet_name(backbone): Measure(frechet_distance, least),
    }


def set_distance(
    measure: Measure, model: StudyFeatures, reference: Vectors | None, seed: int
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
    measure: Measure, one: StudyFeatures, other: StudyFeatures, reference: Vectors | None
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


def too_few(measure: Measure, features: Vectors, reference: Vectors | None) -> str:
    """Why there is no distance; empty where there is one."""
    if reference is None:
        return "no reference pictures"
    sizes: Mapping[str, int] = {"images": len(features), "reference pictures": len(reference)}
    few = [f"{n} {what}, {measure.least} needed" for what, n in sizes.items() if n < measure.least]
    return "; ".join(few)


def backbone_measures(
    backbone: BackboneName, features: Vectors, settings: Distribution
) -> dict[str, Measure]:
    """`measures` for features as they were made; sets that are allowed to be small may be."""
    found = measures(backbone, features.shape[1], settings.seed)
    allowed = settings.small_sets_allowed
    return {n: m._replace(least=2) if n in allowed else m for n, m in found.items()}


def _units(model: StudyFeatures) -> list[str]:
    return [row["prompt_id"] for row in model.rows]


def _in(units: Collection[str], kept: Collection[str]) -> list[int]:
    wanted = set(kept)
    return [index for index, unit in enumerate(units) if unit in wanted]
