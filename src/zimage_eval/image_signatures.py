"""Signatures of the metrics of one image."""

from collections.abc import Mapping

from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.features import ALEXNET_SHA256
from zimage_eval.judges import JUDGES
from zimage_eval.metric_base import Metric
from zimage_eval.signatures import Signature, who_computes


def image_signatures(metrics: Mapping[str, Metric], spec: ModelSpec) -> dict[str, Signature]:
    """By the metric's name; `spec` declares judge, labels and networks."""
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
            "weights": {each: weights[each] for each in used},
            "judge": judge if metric.is_judged else None,
            "unit": metric.unit,
            "better": metric.better,
            "margin": metric.margin,
            "reads": metric.reads,
        }
    return signatures
