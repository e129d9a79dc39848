"""All metrics of sets of pictures by name.

Each is computed from the features of one backbone and named after it, such as `kid_alexnet`. To add
a metric, write its function and add a family to `FAMILIES`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zimage_eval.config.measuring import BackboneName
from zimage_eval.metrics.sets.frechet import (
    FID_BACKBONE,
    FID_MIN_IMAGES,
    frechet_name,
    frechet_score,
)
from zimage_eval.metrics.sets.kernel import (
    CMMD_MIN_IMAGES,
    KID_BLOCK,
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


@dataclass(frozen=True)
class SetMetric:
    """A number about a set of pictures: its unit, margin and mode."""

    unit: str
    better: Literal["higher", "lower"] | None
    decimals: int
    margin: float | None
    """Smallest difference that matters; None where the scale depends on the backbone."""
    mode: str
    """How it is computed, in a few words."""


@dataclass(frozen=True)
class Family:
    """Several numbers that come from one computation."""

    measure: Callable[[FeatureVectors, FeatureVectors, BackboneName, int], tuple[float | None, ...]]
    """Features, reference, backbone and seed -> the values of `metrics` in their order."""
    implementation: Callable[..., Any]
    """The function that computes them; its name and code go into the signatures."""
    metrics: Mapping[str, SetMetric]
    """By name, in which `{}` stands for the backbone."""
    min_images: Callable[[BackboneName, int], int]
    """Backbone and number of features -> images that a set needs for a meaningful number."""
    min_computable: int
    """Images that a set needs for any number at all."""
    reads_reference: bool
    backbones: tuple[BackboneName, ...] | None
    """Backbones that it is defined for; None for all."""
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


_MANIFOLD_MODE = f"k = {NUM_NEIGHBORS}, inside is <; compare sets of one size"
FAMILIES: tuple[Family, ...] = (
    Family(
        measure=_kid,
        implementation=kid_score,
        metrics={
            "kid_{}": SetMetric(
                unit="",
                better="lower",
                decimals=4,
                margin=0.005,
                mode=f"cubic kernel, unbiased, disjoint blocks of {KID_BLOCK}",
            ),
            "kid_{}_subset_spread": SetMetric(
                unit="",
                better=None,
                decimals=4,
                margin=None,
                mode="standard deviation between blocks, no standard error of kid",
            ),
        },
        min_images=lambda backbone, num_features: KID_MIN_IMAGES,
        min_computable=2,
        reads_reference=True,
        backbones=None,
        interval=_kid_interval,
    ),
    Family(
        measure=_frechet,
        implementation=frechet_score,
        metrics={
            "fd_{}": SetMetric(
                unit="features squared",
                better="lower",
                decimals=3,
                margin=None,
                mode="unbiased covariances",
            ),
            "fd_{}_split_half_null": SetMetric(
                unit="features squared",
                better=None,
                decimals=3,
                margin=None,
                mode="the distance of two sets of the same sizes drawn from all images together",
            ),
        },
        min_images=lambda backbone, num_features: (
            FID_MIN_IMAGES if backbone == FID_BACKBONE else num_features
        ),
        min_computable=2,
        reads_reference=True,
        backbones=None,
    ),
    Family(
        measure=_cmmd,
        implementation=cmmd,
        metrics={
            "cmmd_{}": SetMetric(
                unit="",
                better="lower",
                decimals=3,
                margin=0.1,
                mode="sigma 10, times 1000, rows of length 1",
            )
        },
        min_images=lambda backbone, num_features: CMMD_MIN_IMAGES,
        min_computable=1,
        reads_reference=True,
        backbones=("clip",),
    ),
    Family(
        measure=_manifold,
        implementation=manifold_scores,
        metrics={
            "precision_{}": SetMetric(
                unit="share of images",
                better="higher",
                decimals=2,
                margin=0.05,
                mode=_MANIFOLD_MODE,
            ),
            "recall_{}": SetMetric(
                unit="share of references",
                better="higher",
                decimals=2,
                margin=0.05,
                mode=_MANIFOLD_MODE,
            ),
            "density_{}": SetMetric(
                unit="", better="higher", decimals=2, margin=0.1, mode=_MANIFOLD_MODE
            ),
            "coverage_{}": SetMetric(
                unit="share of references",
                better="higher",
                decimals=2,
                margin=0.05,
                mode=_MANIFOLD_MODE,
            ),
        },
        min_images=lambda backbone, num_features: MANIFOLD_MIN_IMAGES,
        min_computable=NUM_NEIGHBORS + 1,
        reads_reference=True,
        backbones=None,
    ),
    Family(
        measure=_vendi,
        implementation=vendi_score,
        metrics={
            "vendi_{}": SetMetric(
                unit="images",
                better=None,
                decimals=2,
                margin=1.0,
                mode="cosine similarity, order 1; compare sets of one size",
            )
        },
        min_images=lambda backbone, num_features: VENDI_MIN_IMAGES,
        min_computable=1,
        reads_reference=False,
        backbones=None,
    ),
)


def families_of(backbone: BackboneName) -> list[Family]:
    """The families that are defined for a backbone."""
    return [
        family for family in FAMILIES if family.backbones is None or backbone in family.backbones
    ]


def metric_name(template: str, backbone: BackboneName) -> str:
    """The name of a metric on a backbone, such as `kid_alexnet`, or `fid` on Inception."""
    return template.replace("fd_{}", frechet_name(backbone)).format(backbone)


def set_metrics(backbones: Iterable[BackboneName]) -> dict[str, SetMetric]:
    """All metrics of sets on these backbones, by name."""
    return {
        metric_name(template, backbone): metric
        for backbone in backbones
        for family in families_of(backbone)
        for template, metric in family.metrics.items()
    }
