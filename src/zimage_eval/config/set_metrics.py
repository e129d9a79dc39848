"""What is measured of a set of pictures: name, unit, better end and margin of each metric.

A metric is computed from the features of one backbone and named after it, such as `kid_alexnet`.
The functions are bound to the families in `metrics/sets/catalogue.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

from zimage_eval.config.frozen import unknown
from zimage_eval.config.measuring import BackboneName
from zimage_eval.config.metrics import Better

FID_BACKBONE: BackboneName = "inception"
"""The only backbone on which the Fréchet distance is called `fid`."""


@dataclass(frozen=True, kw_only=True)
class SetMetric:
    """A number about a set of pictures."""

    unit: str
    """Empty for a pure number."""
    better: Better | None
    """None where neither end is good in itself."""
    decimals: int
    """Number of decimals that the report shows."""
    margin: float | None
    """Smallest difference that matters; None where the scale depends on the backbone."""
    mode: str
    """How it is computed, in a few words."""


@dataclass(frozen=True, kw_only=True)
class FamilyDefinition:
    """Several numbers that come from one computation."""

    function: str
    """Who computes them: module and function inside `zimage_eval`."""
    version: int
    """Raised by hand whenever an edit of the code can change their numbers."""
    metrics: Mapping[str, SetMetric]
    """By name, in which `{}` stands for the backbone."""
    reads_reference: bool
    backbones: tuple[BackboneName, ...] | None = None
    """Backbones that it is defined for; None for all."""


_COVERED_SHARE = SetMetric(
    unit="share of references",
    better="higher",
    decimals=2,
    margin=0.05,
    mode="k = 5, inside is <; compare sets of one size",
)
FAMILIES: Mapping[str, FamilyDefinition] = {
    "kid": FamilyDefinition(
        function="metrics.sets.kernel.kid_score",
        version=1,
        metrics={
            "kid_{}": SetMetric(
                unit="",
                better="lower",
                decimals=4,
                margin=0.005,
                mode="cubic kernel, unbiased, disjoint blocks of 1000",
            ),
            "kid_{}_subset_spread": SetMetric(
                unit="",
                better=None,
                decimals=4,
                margin=None,
                mode="standard deviation between blocks, no standard error of kid",
            ),
        },
        reads_reference=True,
    ),
    "frechet": FamilyDefinition(
        function="metrics.sets.frechet.frechet_score",
        version=1,
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
        reads_reference=True,
    ),
    "cmmd": FamilyDefinition(
        function="metrics.sets.kernel.cmmd",
        version=1,
        metrics={
            "cmmd_{}": SetMetric(
                unit="",
                better="lower",
                decimals=3,
                margin=0.1,
                mode="sigma 10, times 1000, rows of length 1",
            )
        },
        reads_reference=True,
        backbones=("clip",),
    ),
    "manifold": FamilyDefinition(
        function="metrics.sets.manifold.manifold_scores",
        version=1,
        metrics={
            "precision_{}": replace(_COVERED_SHARE, unit="share of images"),
            "recall_{}": _COVERED_SHARE,
            "density_{}": replace(_COVERED_SHARE, unit="", margin=0.1),
            "coverage_{}": _COVERED_SHARE,
        },
        reads_reference=True,
    ),
    "vendi": FamilyDefinition(
        function="metrics.sets.manifold.vendi_score",
        version=1,
        metrics={
            "vendi_{}": SetMetric(
                unit="images",
                better=None,
                decimals=2,
                margin=1.0,
                mode="cosine similarity, order 1; compare sets of one size",
            )
        },
        reads_reference=False,
    ),
}
"""All metrics of sets, by the name of their family."""


def available_families(backbone: BackboneName) -> dict[str, FamilyDefinition]:
    """The families that are defined for a backbone, by name."""
    return {
        name: family
        for name, family in FAMILIES.items()
        if family.backbones is None or backbone in family.backbones
    }


def frechet_name(backbone: str) -> str:
    """`fid` for Inception only, `fd_<backbone>` for every other network."""
    return "fid" if backbone == FID_BACKBONE else f"fd_{backbone}"


def metric_name(template: str, backbone: BackboneName) -> str:
    """The name of a metric on a backbone, such as `kid_alexnet`, or `fid` on Inception."""
    return template.replace("fd_{}", frechet_name(backbone)).format(backbone)


def set_metrics(backbones: Iterable[BackboneName]) -> dict[str, SetMetric]:
    """All metrics of sets on these backbones, by name."""
    return {
        metric_name(template, backbone): metric
        for backbone in backbones
        for family in available_families(backbone).values()
        for template, metric in family.metrics.items()
    }


def check_set_metrics(names: Iterable[str]) -> None:
    """Check that each name is that of a metric of sets on some backbone.

    Raises:
        ValueError: one is not; names the nearest.
    """
    metrics = set_metrics(get_args(BackboneName))
    for name in names:
        if name not in metrics:
            raise ValueError(f"no metric of sets is {unknown(name, metrics)}")
