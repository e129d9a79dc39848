"""The networks that metrics are computed with, each loaded once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from zimage_eval.config.measuring import NetworkName, PinnedFile
from zimage_eval.metric_base import Metric
from zimage_eval.networks import network_path


def load_metric_networks(
    metrics: Mapping[str, Metric],
    alexnet: Path,
    networks: Mapping[NetworkName, PinnedFile],
    device: torch.device,
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
