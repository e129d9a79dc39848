"""Signatures of metrics: which code computes a number, in which mode, with which weights.

Like sacreBLEU's signatures: two numbers may be compared if their signatures agree.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from inspect import getsourcefile
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from zimage_eval.config.measuring import BackboneName, Distribution
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.metrics.judges.judges import JUDGES
from zimage_eval.metrics.metric import Metric
from zimage_eval.metrics.networks.lpips_trunks import ALEXNET_SHA256
from zimage_eval.metrics.sets.catalogue import families_of, metric_name
from zimage_eval.output.code_lists import code_digest
from zimage_eval.output.results import read_json

Signature = Mapping[str, Any]
"""implementation, version, mode and weights (name -> sha256), and the unit and direction of the
metric."""


def who_computes(compute: Callable[..., Any], library: str | None) -> dict[str, str]:
    """Name and version: a library and its release, or a function and its file's `code_digest`."""
    if library is not None:
        return {"implementation": library, "version": metadata.version(library)}
    function = compute.func if isinstance(compute, partial) else compute
    source = getsourcefile(function)
    assert source is not None, function  # all are functions of this package
    name = f"{function.__module__}.{function.__qualname__}"
    return {"implementation": name, "version": code_digest(Path(source))}


def image_signatures(metrics: Mapping[str, Metric], spec: ModelSpec) -> dict[str, Signature]:
    """Signatures of metrics of single images and pairs, by the metric's name.

    Args:
        metrics: by name.
        spec: declares the judge, the hand labels and the networks.
    """
    weights = {"alexnet": ALEXNET_SHA256}
    weights |= {name: file.sha256 for name, file in spec.networks.items()}
    if spec.hand_labels is not None:
        weights["hand_labels"] = spec.hand_labels.sha256
    judge = {"name": spec.judge, **who_computes(JUDGES[spec.judge], None)}
    judge_reads = {"detector": ("detector", "clip"), "hand_labels": ("hand_labels",)}
    signatures: dict[str, Signature] = {}
    for name, metric in metrics.items():
        used = judge_reads.get(spec.judge, ()) if metric.is_judged else ()
        if metric.network is not None:
            used = (metric.network.weights,)
        signatures[name] = {
            **who_computes(metric.compute, metric.library),
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


def check_same_networks(
    features: Mapping[str, Mapping[str, str]], reference: Mapping[str, Mapping[str, str]]
) -> None:
    """Check that a study's features and the reference's come from one network and one resizing.

    Args:
        features: `resize` and `weights_sha256` behind a study's features, by backbone.
        reference: the same of the reference pictures; empty where the baseline is the reference.

    Raises:
        ValueError: they differ in a backbone; names it.
    """
    for backbone, network in features.items():
        if reference and reference.get(backbone) != network:
            raise ValueError(
                f"{backbone}: images by {network}, reference by {reference.get(backbone)}"
            )


def write_signatures(path: Path, signatures: Mapping[str, Mapping[str, Any]]) -> None:
    """Write signatures as JSON with sorted keys: equal signatures give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(signatures, indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_signatures(path: Path) -> dict[str, dict[str, Any]]:
    """What `write_signatures` wrote.

    Raises:
        ValueError: there is no such file, or it is malformed; names it.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    return read_json(path, TypeAdapter(dict[str, dict[str, Any]]))


def _signatures(
    settings: Distribution, backbone: BackboneName, network: Mapping[str, str]
) -> dict[str, Signature]:
    return {
        metric_name(template, backbone): {
            **who_computes(family.implementation, None),
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
        for family in families_of(backbone)
        for template, metric in family.metrics.items()
    }
