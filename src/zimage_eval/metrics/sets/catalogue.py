"""Who computes the metrics of sets of pictures: functions by the name of the metrics' family.

What the metrics are, their units and margins, stands in `config/set_metrics.py` under the same
name; a test holds both to each other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zimage_eval.config.measuring import BackboneName
from zimage_eval.config.set_metrics import (
    FAMILIES,
    FID_BACKBONE,
    FamilyDefinition,
    available_families,
    frechet_name,
)
from zimage_eval.metrics.sets.frechet import FID_MIN_IMAGES, frechet_score
from zimage_eval.metrics.sets.kernel import (
    CMMD_MIN_IMAGES,
    KID_MIN_IMAGES,
    cmmd,
    kid_interval,
    kid_score,
)
from zimage_eval.metrics.sets.manifold import (
    MANIFOLD_MIN_IMAGES,
    NUM_NEIGHBORS,
    VENDI_MIN_IMAGES,
    manifold_scores,
    vendi_score,
)
from zimage_eval.statistics.estimates import CONFIDENCE

Interval = tuple[float, float]
FeatureVectors = NDArray[np.floating]
"""`(num_images, num_features)`."""


@dataclass(frozen=True, kw_only=True)
class Family(FamilyDefinition):
    """A definition of `config/set_metrics.py` and who computes it."""

    measure: Callable[[FeatureVectors, FeatureVectors, BackboneName, int], tuple[float | None, ...]]
    """Features, reference, backbone and seed -> the values of `metrics` in their order."""
    min_images: Callable[[BackboneName, int], int]
    """Backbone and number of features -> images that a set needs for a meaningful number."""
    min_computable: int
    """Images that a set needs for any number at all."""
    interval: Callable[[FeatureVectors, FeatureVectors, Sequence[str]], Interval | None] | None = (
        None
    )
    """Features, reference and each image's prompt -> the 95 % interval of the first of `metrics`;
    None for families without a trustworthy interval (docs/metrics.md)."""


def _kid(
    features: FeatureVectors, reference: FeatureVectors, _: str, seed: int
) -> tuple[float | None, ...]:
    score = kid_score(features, reference, seed)
    return score.value, score.subset_spread


def _kid_interval(
    features: FeatureVectors, reference: FeatureVectors, prompts: Sequence[str]
) -> Interval | None:
    return kid_interval(features, reference, prompts, CONFIDENCE)


def _frechet(
    features: FeatureVectors, reference: FeatureVectors, backbone: str, seed: int
) -> tuple[float | None, ...]:
    name = frechet_name(backbone)  # whether the sets are large enough is checked before
    score = frechet_score(features, reference, backbone, seed, small_sets_allowed=[name])
    return score.value, score.split_half_null


def _cmmd(
    features: FeatureVectors, reference: FeatureVectors, *_: object
) -> tuple[float | None, ...]:
    return (cmmd(features, reference),)


def _manifold(
    features: FeatureVectors, reference: FeatureVectors, *_: object
) -> tuple[float | None, ...]:
    scores = manifold_scores(features, reference)
    return scores.precision, scores.recall, scores.density, scores.coverage


def _vendi(features: FeatureVectors, *_: object) -> tuple[float | None, ...]:
    return (vendi_score(features),)


COMPUTED_FAMILIES: Mapping[str, Family] = {
    "kid": Family(
        **vars(FAMILIES["kid"]),
        measure=_kid,
        min_images=lambda backbone, num_features: KID_MIN_IMAGES,
        min_computable=2,
        interval=_kid_interval,
    ),
    "frechet": Family(
        **vars(FAMILIES["frechet"]),
        measure=_frechet,
        min_images=lambda backbone, num_features: (
            FID_MIN_IMAGES if backbone == FID_BACKBONE else num_features
        ),
        min_computable=2,
    ),
    "cmmd": Family(
        **vars(FAMILIES["cmmd"]),
        measure=_cmmd,
        min_images=lambda backbone, num_features: CMMD_MIN_IMAGES,
        min_computable=1,
    ),
    "manifold": Family(
        **vars(FAMILIES["manifold"]),
        measure=_manifold,
        min_images=lambda backbone, num_features: MANIFOLD_MIN_IMAGES,
        min_computable=NUM_NEIGHBORS + 1,
    ),
    "vendi": Family(
        **vars(FAMILIES["vendi"]),
        measure=_vendi,
        min_images=lambda backbone, num_features: VENDI_MIN_IMAGES,
        min_computable=1,
    ),
}


def families_of(backbone: BackboneName) -> list[Family]:
    """The families that are defined for a backbone, with their functions."""
    return [COMPUTED_FAMILIES[name] for name in available_families(backbone)]
