"""All metrics of one image by name, and their networks.

To add a metric, write its function and add a row to `METRICS`.
"""

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
from zimage_eval.metrics.lpips import MIN_SIDE_ALEX, MIN_SIDE_VGG, lpips_distances
from zimage_eval.metrics.metric import Metric, Network, Reads
from zimage_eval.metrics.networks.clip import load_clip
from zimage_eval.metrics.networks.files import network_path
from zimage_eval.metrics.networks.lpips_trunks import load_lpips, load_lpips_vgg
from zimage_eval.prompts.facts import FACT_KINDS
from zimage_eval.text.chat_format import TOKEN_CLASSES

if TYPE_CHECKING:
    import torch


SHIPPED_NETWORK = "alexnet"
"""The network whose weights are in the repository."""
SSIM_WINDOW = 11
"""Pixels of a side of its window, and so of the smallest picture that has an SSIM."""


def _on_device(load: Any) -> Any:  # noqa: ANN401 - loaders of untyped packages
    """A loader that also moves the torch module to a device."""

    def load_on_device(folder: Path, device: "torch.device") -> Any:  # noqa: ANN401
        return load(folder).to(device)

    return load_on_device


ALEX = Network(weights="alexnet", load=_on_device(load_lpips))
VGG = Network(weights="vgg16", load=_on_device(load_lpips_vgg))
DISTS = Network(weights="vgg16", load=_on_device(load_dists))
CLIP = Network(weights="clip", load=load_clip)


def _share(compute: Callable[..., float | None], unit: str, mode: str) -> Metric:
    return Metric(
        compute=compute,
        reads="fact_results",
        unit=unit,
        better="higher",
        decimals=2,
        margin=0.1,
        mode=mode,
    )


_EMBEDDING_METRICS: tuple[tuple[str, Callable[..., Any], Reads, float | None, str], ...] = (
    ("embedding_norm", norm, "embedding", None, "Euclidean, mean over tokens"),
    ("embedding_variance", variance, "embedding", None, "over tokens, mean over channels"),
    ("embedding_sparsity", sparsity, "embedding", None, "Hoyer, mean over tokens"),
    ("effective_rank", effective_rank, "embedding", None, "entropy of centered singular values"),
    ("cosine_drift", cosine_drift, "embedding_pair", 0.01, "1 - mean cosine, tokens both share"),
    ("cka", linear_cka, "embedding_pair", 0.05, "linear, unbiased HSIC, tokens both share"),
)
"""Name, function, what it reads, margin and mode; each is computed for every class of tokens."""

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
        compute=clip_score,
        reads="image_texts",
        unit="",
        better="higher",
        decimals=3,
        margin=0.05,
        mode="2.5 max(cosine, 0), prefix 'A photo depicts', none beyond 77 tokens",
        library="transformers",
        network=CLIP,
    ),
    "clip_coverage": Metric(
        compute=clip_coverage,
        reads="image_texts",
        unit="share of images",
        better=None,
        decimals=2,
        margin=None,
        mode="prompts that clip_score can read whole",
        library="transformers",
        network=CLIP,
    ),
    "lpips": Metric(
        compute=lpips_distances,
        reads="image_pairs",
        unit="",
        better=None,
        decimals=3,
        margin=0.05,
        mode="v0.1 alex, [-1, 1], to the baseline",
        library="lpips",
        network=ALEX,
        min_side=MIN_SIDE_ALEX,
    ),
    "lpips_vgg": Metric(
        compute=lpips_distances,
        reads="image_pairs",
        unit="",
        better=None,
        decimals=3,
        margin=0.05,
        mode="v0.1 vgg, [-1, 1], to the baseline",
        library="lpips",
        network=VGG,
        min_side=MIN_SIDE_VGG,
    ),
    "dists": Metric(
        compute=dists,
        reads="image_pairs",
        unit="",
        better=None,
        decimals=3,
        margin=0.05,
        mode="[0, 1], own size, to the baseline",
        library="torchmetrics",
        network=DISTS,
    ),
    "psnr": Metric(
        compute=psnr,
        reads="image_pair",
        unit="dB",
        better=None,
        decimals=1,
        margin=1.0,
        mode="uint8, peak 255, all channels, none if identical",
        library="scikit-image",
    ),
    "ssim": Metric(
        compute=ssim,
        reads="image_pair",
        unit="",
        better=None,
        decimals=3,
        margin=0.02,
        mode="Wang: Gaussian window 11, sigma 1.5, population covariance, RGB mean, border cut",
        library="scikit-image",
        min_side=SSIM_WINDOW,
    ),
    "identical": Metric(
        compute=identical,
        reads="image_pair",
        unit="share of images",
        better=None,
        decimals=2,
        margin=0.1,
        mode="every channel value equal",
    ),
    "seed_diversity": Metric(
        compute=lpips_distances,
        reads="seed_pairs",
        unit="",
        better=None,
        decimals=3,
        margin=0.05,
        mode="LPIPS v0.1 alex between the seeds of a prompt, mean over pairs",
        library="lpips",
        network=ALEX,
        min_side=MIN_SIDE_ALEX,
    ),
    "sharpness": Metric(
        compute=sharpness,
        reads="image",
        unit="gray levels squared",
        better=None,
        decimals=0,
        margin=100.0,
        mode="variance of the Laplacian",
    ),
    "edge_density": Metric(
        compute=edge_density,
        reads="image",
        unit="share of pixels",
        better=None,
        decimals=3,
        margin=0.02,
        mode="Sobel, over 16 levels a pixel",
    ),
    "high_frequency_share": Metric(
        compute=high_frequency_share,
        reads="image",
        unit="share of variance",
        better=None,
        decimals=4,
        margin=0.01,
        mode="DCT-II of luma, 0.25 cycles a pixel and above",
    ),
    "saturation": Metric(
        compute=saturation,
        reads="image",
        unit="share",
        better=None,
        decimals=3,
        margin=0.05,
        mode="HSV, mean over pixels",
    ),
    "clipped_share": Metric(
        compute=clipped_share,
        reads="image",
        unit="share of values",
        better=None,
        decimals=3,
        margin=0.02,
        mode="channel values 0 or 255",
    ),
    **{
        f"{name}_{token_class}": Metric(
            compute=partial(function, token_class=token_class),
            reads=reads,
            unit="",
            better=None,
            decimals=3,
            margin=margin,
            mode=mode,
        )
        for token_class in TOKEN_CLASSES
        for name, function, reads, margin, mode in _EMBEDDING_METRICS
    },
    "num_forwards": Metric(
        compute=num_forwards,
        reads="num_forwards",
        unit="forwards per image",
        better="lower",
        decimals=0,
        margin=1.0,
        mode="transformer runs",
    ),
}


def metrics_with(networks: Collection[str]) -> dict[str, Metric]:
    """The metrics that can be computed: those without a network, or with a shipped or given one.

    Args:
        networks: names of the networks whose weights are declared in models/<model>.yaml.
    """
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
    """Metric name -> its loaded network, for the metrics that need one.

    Args:
        metrics: metrics that share a network share the loaded one.
        alexnet: folder of LPIPS' AlexNet trunk.
        networks: declared weights of the other networks.
        device: where the networks run.

    Raises:
        ValueError: weights are missing, or differ from the declared ones.
    """
    loaded: dict[Any, Any] = {}
    for metric in metrics.values():
        network = metric.network
        if network is not None and network not in loaded:
            weights = network.weights
            path = alexnet if weights == "alexnet" else network_path(weights, networks[weights])
            loaded[network] = network.load(path, device)
    return {name: loaded[metric.network] for name, metric in metrics.items() if metric.network}
