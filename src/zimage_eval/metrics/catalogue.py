"""Who computes each metric of one picture: functions and networks by the metric's name.

What a metric is, its unit and margin, stands in `config/metrics.py` under the same name; a test
holds both to each other.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from zimage_eval.config.kinds import FACT_KINDS, TOKEN_CLASSES
from zimage_eval.config.measuring import NetworkName, PinnedFile
from zimage_eval.config.metrics import available_metrics
from zimage_eval.metrics import alignment, clip_score, dists, embedding, image, lpips
from zimage_eval.metrics.judges import vlm
from zimage_eval.metrics.metric import LoadNetwork, Metric
from zimage_eval.metrics.networks.clip import load_clip
from zimage_eval.metrics.networks.files import network_path
from zimage_eval.metrics.networks.lpips_trunks import load_lpips, load_lpips_vgg
from zimage_eval.metrics.networks.text_reader import load_text_reader
from zimage_eval.metrics.networks.vision_language import load_vision_language
from zimage_eval.metrics.text_rendering import scores as text_rendering

if TYPE_CHECKING:
    import torch


class Arithmetic(NamedTuple):
    """Who computes a metric."""

    compute: Callable[..., Any]
    """As `Metric.compute`."""
    load: LoadNetwork | None = None
    """As `Metric.load`; metrics with one loader share the loaded network."""


def _load_alex(folder: Path, device: "torch.device") -> "torch.nn.Module":
    return load_lpips(folder).to(device)


def _load_vgg(folder: Path, device: "torch.device") -> "torch.nn.Module":
    return load_lpips_vgg(folder).to(device)


def _load_dists(folder: Path, device: "torch.device") -> "torch.nn.Module":
    return dists.load_dists(folder).to(device)


_PER_TOKEN_CLASS: Mapping[str, Callable[..., float | None]] = {
    "embedding_norm": embedding.norm,
    "embedding_variance": embedding.variance,
    "embedding_sparsity": embedding.sparsity,
    "effective_rank": embedding.effective_rank,
    "cosine_drift": embedding.cosine_drift,
    "cka": embedding.linear_cka,
}
ARITHMETIC: Mapping[str, Arithmetic] = {
    "alignment": Arithmetic(alignment.alignment),
    "all_facts": Arithmetic(alignment.all_facts),
    "alignment_geometric": Arithmetic(alignment.alignment_geometric, load_vision_language),
    **{
        f"fact_{kind}": Arithmetic(partial(alignment.alignment_of_kind, kind=kind))
        for kind in FACT_KINDS
    },
    "clip_score": Arithmetic(clip_score.clip_score, load_clip),
    "clip_coverage": Arithmetic(clip_score.clip_coverage, load_clip),
    "vqa_score": Arithmetic(vlm.vqa_score, load_vision_language),
    "text_word_accuracy": Arithmetic(text_rendering.text_word_accuracy, load_text_reader),
    "text_ned": Arithmetic(text_rendering.text_ned, load_text_reader),
    "text_cer": Arithmetic(text_rendering.text_cer, load_text_reader),
    "lpips": Arithmetic(lpips.lpips_distances, _load_alex),
    "lpips_vgg": Arithmetic(lpips.lpips_distances, _load_vgg),
    "dists": Arithmetic(dists.dists, _load_dists),
    "psnr": Arithmetic(image.psnr),
    "ssim": Arithmetic(image.ssim),
    "identical": Arithmetic(image.identical),
    "seed_diversity": Arithmetic(lpips.lpips_distances, _load_alex),
    "sharpness": Arithmetic(image.sharpness),
    "edge_density": Arithmetic(image.edge_density),
    "high_frequency_share": Arithmetic(image.high_frequency_share),
    "saturation": Arithmetic(image.saturation),
    "clipped_share": Arithmetic(image.clipped_share),
    **{
        f"{name}_{token_class}": Arithmetic(partial(function, token_class=token_class))
        for token_class in TOKEN_CLASSES
        for name, function in _PER_TOKEN_CLASS.items()
    },
    "num_forwards": Arithmetic(image.num_forwards),
}


def metrics_with(networks: Collection[str]) -> dict[str, Metric]:
    """The metrics that can be computed: those without a network, or with a shipped or given one.

    Args:
        networks: names of the networks whose weights are declared in models/<model>.yaml.
    """
    return {
        name: Metric(**vars(definition), **ARITHMETIC[name]._asdict())
        for name, definition in available_metrics(networks).items()
    }


def load_metric_networks(
    metrics: Mapping[str, Metric],
    alexnet: Path,
    networks: Mapping[NetworkName, PinnedFile],
    device: "torch.device",
) -> dict[str, Any]:
    """Metric name -> its loaded network, for the metrics that need one.

    Args:
        metrics: metrics that share a network share the loaded one.
        alexnet: folder of LPIPS' AlexNet trunk.
        networks: declared weights of the other networks.
        device: where the networks run.

    Raises:
        ValueError: weights are missing, or differ from the declared ones.
    """
    loaded: dict[LoadNetwork, Any] = {}
    for metric in metrics.values():
        weights, load = metric.network, metric.load
        if weights is not None and load is not None and load not in loaded:
            path = alexnet if weights == "alexnet" else network_path(weights, networks[weights])
            loaded[load] = load(path, device)
    return {name: loaded[metric.load] for name, metric in metrics.items() if metric.load}
