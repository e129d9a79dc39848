"""Sign every metric: who computes its numbers, in which version and mode, with which weights.

Everything is read from definitions (`config/`), so no network is imported.
"""

from collections.abc import Mapping
from importlib import metadata

from zimage_eval.config.measuring import ALEXNET_SHA256, BackboneName, Distribution
from zimage_eval.config.metrics import JUDGES, MetricDefinition
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.set_metrics import available_families, metric_name

Signature = Mapping[str, object]
"""implementation, version, release, mode and weights (name -> sha256), and the unit and direction
of the metric."""


def who_computes(function: str, version: int, library: str | None) -> dict[str, str | int | None]:
    """A library and its release, or a function of this package; and the version of our code."""
    release = None if library is None else metadata.version(library)
    name = f"zimage_eval.{function}" if library is None else library
    return {"implementation": name, "version": version, "release": release}


def image_signatures(
    metrics: Mapping[str, MetricDefinition], spec: ModelSpec
) -> dict[str, Signature]:
    """Signatures of metrics of single images and pairs, by the metric's name.

    Args:
        metrics: by name.
        spec: declares the judge, the hand labels and the networks.
    """
    weights = {"alexnet": ALEXNET_SHA256}
    weights |= {name: file.sha256 for name, file in spec.networks.items()}
    if spec.hand_labels is not None:
        weights["hand_labels"] = spec.hand_labels.sha256
    decides = JUDGES[spec.judge]
    judge = {"name": spec.judge, **who_computes(decides.function, decides.version, None)}
    signatures: dict[str, Signature] = {}
    for name, metric in metrics.items():
        used = decides.weights if metric.is_judged else ()
        if metric.network is not None:
            used = (metric.network,)
        signatures[name] = {
            **who_computes(metric.function, metric.version, metric.library),
            "mode": metric.mode,
            "weights": {key: weights[key] for key in used},
            "judge": judge if metric.is_judged else None,
            "unit": metric.unit,
            "better": metric.better,
            "margin": metric.margin,
            "reads": metric.reads,
        }
    return signatures


def set_signatures(
    settings: Distribution, features: Mapping[str, Mapping[str, str]]
) -> dict[str, Signature]:
    """Signatures of metrics of sets of images, by the metric's name.

    Args:
        settings: backbones, reference and seed.
        features: `resize` and `weights_sha256` behind a study's features, by backbone.
    """
    signatures: dict[str, Signature] = {}
    for backbone in settings.backbones:
        signatures |= _signatures(settings, backbone, features[backbone])
    return signatures


def _signatures(
    settings: Distribution, backbone: BackboneName, network: Mapping[str, str]
) -> dict[str, Signature]:
    return {
        metric_name(template, backbone): {
            **who_computes(family.function, family.version, None),
            "mode": metric.mode,
            "backbone": backbone,
            "resize": network["resize"],
            "weights": {backbone: network["weights_sha256"]},
            "reference": settings.reference.model_dump() if family.reads_reference else None,
            "seed": settings.seed,
            "unit": metric.unit,
            "better": metric.better,
            "margin": metric.margin,
            "reads": "features",
        }
        for family in available_families(backbone).values()
        for template, metric in family.metrics.items()
    }
