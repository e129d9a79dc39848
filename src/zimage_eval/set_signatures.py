"""Signatures of the metrics of sets of pictures."""

from collections.abc import Mapping

from zimage_eval.config.measuring import BackboneName, Distribution
from zimage_eval.set_metrics import families_of, metric_name
from zimage_eval.signatures import Signature, who_computes


def set_signatures(
    settings: Distribution,
    features: Mapping[str, Mapping[str, str]],
    reference: Mapping[str, Mapping[str, str]],
) -> dict[str, Signature]:
    """By the metric's name.

    Args:
        settings: backbones, reference and seed.
        features: what decided the features of the study's images, by backbone.
        reference: the same of the reference pictures; empty where the baseline is the reference.

    Raises:
        ValueError: the two were not made by the same network in the same way.
    """
    signatures: dict[str, Signature] = {}
    for backbone in settings.backbones:
        made = features[backbone]
        if reference and reference[backbone] != made:
            raise ValueError(f"{backbone}: images by {made}, reference by {reference[backbone]}")
        signatures |= _signatures(settings, backbone, made)
    return signatures


def _signatures(
    settings: Distribution, backbone: BackboneName, made: Mapping[str, str]
) -> dict[str, Signature]:
    return {
        metric_name(template, backbone): {
            **who_computes(family.implementation, None),
            "mode": metric.mode,
            "backbone": backbone,
            "resize": made["resize"],
            "weights": {backbone: made["weights_sha256"]},
            "reference": settings.reference.model_dump() if family.reads_reference else None,
            "seed": settings.seed,
            "unit": metric.unit,
            "better": metric.better,
            "margin": metric.margin,
            "reads": "features",
        }
        for family in families_of(backbone)
        for template, metric in family.metrics.items()
    }
