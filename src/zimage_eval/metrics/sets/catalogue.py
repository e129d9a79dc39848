"""The metrics of a set of pictures by name; a new one is a function in its file and a family here.

Each is made from the features of one backbone and named after it, `kid_alexnet`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zimage_eval.config.measuring import BackboneName
from zimage_eval.metrics.sets.frechet import FID_BACKBONE, FID_LEAST, frechet_name, frechet_score
from zimage_eval.metrics.sets.kernel import (
    CMMD_LEAST,
    KID_BLOCK,
    KID_LEAST,
    cmmd,
    kid_interval,
    kid_score,
)
from zimage_eval.metrics.sets.manifold import (
    MANIFOLD_LEAST,
    NEAREST,
    VENDI_LEAST,
    manifold_scores,
    vendi_score,
)
from zimage_eval.statistics.estimates import CONFIDENCE

Interval = tuple[float, float]
FeatureVectors = NDArray[np.floating]
"""`(num_images, num_features)`."""


@dataclass(frozen=True)
class SetMetric:
    """What one number about a set is."""

    unit: str
    better: Literal["higher", "lower"] | None
    decimals: int
    margin: float | None
    """Smallest difference that matters; None where the scale is the backbone's own."""
    mode: str
    """How it is computed, in few words."""


@dataclass(frozen=True)
class Family:
    """Numbers that come from one computation."""

    measure: Callable[[FeatureVectors, FeatureVectors, BackboneName, int], tuple[float | None, ...]]
    """Of features, reference, backbone and seed: the values of `metrics` in their order."""
    implementation: Callable[..., Any]
    """The function that it comes from."""
    metrics: Mapping[str, SetMetric]
    """By name, with `{}` for the backbone's part of it."""
    least: Callable[[BackboneName, int], int]
    """Images that a set must have to mean something, given its backbone and number of features."""
    possible: int
    """Images below which there is no number at all."""
    reads_reference: bool
    backbones: tuple[BackboneName, ...] | None
    """Those it is defined for; None for all."""
    interval: Callable[[FeatureVectors, FeatureVectors, Sequence[str]], Interval | None] | None = (
        None
    )
    """Of features, reference and each image's prompt: the 95 % interval of the first of `metrics`.
    None where none is honest (docs/metrics.md)."""


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
    name = frechet_name(backbone)  # whether the sets are large enough is decided before
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


_SHARE = f"k = {NEAREST}, inside is <; compare sets of one size"
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
        least=lambda backbone, num_features: KID_LEAST,
        possible=2,
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
        least=lambda backbone, num_features: (
            FID_LEAST if backbone == FID_BACKBONE else num_features
        ),
        possible=2,
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
        least=lambda backbone, num_features: CMMD_LEAST,
        possible=1,
        reads_reference=True,
        backbones=("clip",),
    ),
    Family(
        measure=_manifold,
        implementation=manifold_scores,
        metrics={
            "precision_{}": SetMetric(
                unit="share of images", better="higher", decimals=2, margin=0.05, mode=_SHARE
            ),
            "recall_{}": SetMetric(
                unit="share of references", better="higher", decimals=2, margin=0.05, mode=_SHARE
            ),
            "density_{}": SetMetric(unit="", better="higher", decimals=2, margin=0.1, mode=_SHARE),
            "coverage_{}": SetMetric(
                unit="share of references", better="higher", decimals=2, margin=0.05, mode=_SHARE
            ),
        },
        least=lambda backbone, num_features: MANIFOLD_LEAST,
        possible=NEAREST + 1,
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
        least=lambda backbone, num_features: VENDI_LEAST,
        possible=1,
        reads_reference=False,
        backbones=None,
    ),
)


def families_of(backbone: BackboneName) -> list[Family]:
    """The families that are defined for a backbone."""
    return [each for each in FAMILIES if each.backbones is None or backbone in each.backbones]


def metric_name(template: str, backbone: BackboneName) -> str:
    """`kid_alexnet`; the Fréchet distance on Inception alone is `fid`."""
    return template.replace("fd_{}", frechet_name(backbone)).format(backbone)


def set_metrics(backbones: Iterable[BackboneName]) -> dict[str, SetMetric]:
    """Every metric of sets that these backbones give, by name."""
    return {
        metric_name(template, backbone): metric
        for backbone in backbones
        for family in families_of(backbone)
        for template, metric in family.metrics.items()
    }
