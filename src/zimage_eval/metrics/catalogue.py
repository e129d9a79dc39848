"""The metrics of one image by name, and their networks; a new one is a function and a row here."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zimage_eval.config.measuring import NetworkName, PinnedFile
from zimage_eval.metrics.alignment import alignment, alignment_of_kind, all_facts
from zimage_eval.metrics.clip_score import clip_coverage, clip_score
from zimage_eval.metrics.dists import dists, load_dists
from zimage_eval.metrics.embedding import (
    cosine_drift,
    effective_rank,
    linear_cka,
    norm,
    sparsity,
    variance,
)
from zimage_eval.metrics.image import (
    clipped_share,
    edge_density,
    high_frequency_share,
    identical,
    num_forwards,
    psnr,
    saturation,
    sharpness,
    ssim,
)
from zimage_eval.metrics.lpips import LEAST_SIDE_ALEX, LEAST_SIDE_VGG, lpips_distances
from zimage_eval.metrics.metric import Metric, Network, Reads
from zimage_eval.metrics.networks.clip import load_clip
from zimage_eval.metrics.networks.files import network_path
from zimage_eval.metrics.networks.lpips_trunks import load_lpips, load_lpips_vgg
from zimage_eval.prompts.facts import FACT_KINDS
from zimage_eval.text.chat_format import TOKEN_CLASSES

if TYPE_CHECKING:
    import torch


SHIPPED_NETWORK = "alexnet"
SSIM_WINDOW = 11
"""Pixels of a side of its window, and so of the smallest picture that has an SSIM."""


def _on_device(load: Any) -> Any:  # noqa: ANN401 - loaders of untyped packages
    """The loader of a torch module, followed by its move to a device."""

    def load_there(folder: Path, device: "torch.device") -> Any:  # noqa: ANN401
        return load(folder).to(device)

    return load_there


ALEX = Network("alexnet", _on_device(load_lpips))
VGG = Network("vgg16", _on_device(load_lpips_vgg))
DISTS = Network("vgg16", _on_device(load_dists))
CLIP = Network("clip", load_clip)


def _share(compute: Callable[..., float | None], unit: str, mode: str) -> Metric:
    return Metric(compute, "fact_results", unit, "higher", 2, 0.1, mode)


_EMBEDDING: tuple[tuple[str, Callable[..., Any], Reads, float | None, str], ...] = (
    ("embedding_norm", norm, "embedding", None, "Euclidean, mean over tokens"),
    ("embedding_variance", variance, "embedding", None, "over tokens, mean over channels"),
    ("embedding_sparsity", sparsity, "embedding", None, "Hoyer, mean over tokens"),
    ("effective_rank", effective_rank, "embedding", None, "entropy of centered singular values"),
    ("cosine_drift", cosine_drift, "embedding_pair", 0.01, "1 - mean cosine, tokens both share"),
    ("cka", linear_cka, "embedding_pair", 0.05, "linear, unbiased HSIC, tokens both share"),
)
"""Each for every class of tokens."""

METRICS: Mapping[str, Metric] = {
    "alignment": _share(alignment, "share of facts", "mean over facts"),
    "all_facts": _share(all_facts, "share of images", "1 if every fact holds"),
    **{
        f"fact_{kind}": _share(
            partial(alignment_of_kind, kind=kind), "share of facts", f"mean over facts of {kind}"
        )
        for kind in FACT_KINDS
    },
    "clip_score": Metric(
        clip_score, "image_texts", "", "higher", 3, 0.05, "2.5 max(cosine, 0), prefix 'A photo"
        " depicts', none beyond 77 tokens", "transformers", CLIP,
    ),
    "clip_coverage": Metric(
        clip_coverage, "image_texts", "share of images", None, 2, None,
        "prompts that clip_score can read whole", "transformers", CLIP,
    ),
    "lpips": Metric(
        lpips_distances, "image_pairs", "", None, 3, 0.05, "v0.1 alex, [-1, 1], to the baseline",
        "lpips", ALEX, LEAST_SIDE_ALEX,
    ),
    "lpips_vgg": Metric(
        lpips_distances, "image_pairs", "", None, 3, 0.05, "v0.1 vgg, [-1, 1], to the baseline",
        "lpips", VGG, LEAST_SIDE_VGG,
    ),
    "dists": Metric(
        dists, "image_pairs", "", None, 3, 0.05, "[0, 1], own size, to the baseline",
        "torchmetrics", DISTS,
    ),
    "psnr": Metric(
        psnr, "image_pair", "dB", None, 1, 1.0, "uint8, peak 255, all channels, none if identical",
        "scikit-image",
    ),
    "ssim": Metric(
        ssim, "image_pair", "", None, 3, 0.02, "Wang: Gaussian window 11, sigma 1.5, population"
        " covariance, RGB mean, border cut", "scikit-image", least_side=SSIM_WINDOW,
    ),
    "identical": Metric(
        identical, "image_pair", "share of images", None, 2, 0.1, "every channel value equal"
    ),
    "seed_diversity": Metric(
        lpips_distances, "seed_pairs", "", None, 3, 0.05,
        "LPIPS v0.1 alex between the seeds of a prompt, mean over pairs", "lpips", ALEX,
        LEAST_SIDE_ALEX,
    ),
    "sharpness": Metric(
        sharpness, "image", "gray levels squared", None, 0, 100.0, "variance of the Laplacian"
    ),
    "edge_density": Metric(
        edge_density, "image", "share of pixels", None, 3, 0.02, "Sobel, over 16 levels a pixel"
    ),
    "high_frequency_share": Metric(
        high_frequency_share, "image", "share of variance", None, 4, 0.01,
        "DCT-II of luma, 0.25 cycles a pixel and above",
    ),
    "saturation": Metric(saturation, "image", "share", None, 3, 0.05, "HSV, mean over pixels"),
    "clipped_share": Metric(
        clipped_share, "image", "share of values", None, 3, 0.02, "channel values 0 or 255"
    ),
    **{
        f"{name}_{token_class}": Metric(
            partial(function, token_class=token_class), reads, "", None, 3, margin, mode
        )
        for token_class in TOKEN_CLASSES
        for name, function, reads, margin, mode in _EMBEDDING
    },
    "num_forwards": Metric(
        num_forwards, "num_forwards", "forwards per image", "lower", 0, 1.0, "transformer runs"
    ),
}  # fmt: skip


def metrics_with(networks: Collection[str]) -> dict[str, Metric]:
    """The metrics that can be computed with these networks from outside the repository."""
    return {
        name: metric
        for name, metric in METRICS.items()
        if metric.network is None or metric.network.weights in (SHIPPED_NETWORK, *networks)
    }


def load_metric_networks(
    metrics: Mapping[str, Metric],
    alexnet: Path,
    networks: Mapping[NetworkName, PinnedFile],
    device: "torch.device",
) -> dict[str, Any]:
    """By the metric's name, for those that need one.

    Raises:
        ValueError: weights are missing, or are others than declared.
    """
    loaded: dict[Any, Any] = {}
    for metric in metrics.values():
        network = metric.network
        if network is not None and network not in loaded:
            weights = network.weights
            path = alexnet if weights == "alexnet" else network_path(weights, networks[weights])
            loaded[network] = network.load(path, device)
    return {name: loaded[metric.network] for name, metric in metrics.items() if metric.network}
