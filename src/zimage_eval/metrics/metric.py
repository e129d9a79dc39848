"""The type of a metric that can be computed: its definition, its function and its network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zimage_eval.config.metrics import MetricDefinition, Reads

if TYPE_CHECKING:
    from pathlib import Path

    import torch

BATCHED: tuple[Reads, ...] = ("image_pairs", "seed_pairs", "image_texts")
"""The inputs that come as lists."""
LoadNetwork = Callable[["Path", "torch.device"], Any]
"""Loads a network from a folder onto a device."""


@dataclass(frozen=True, kw_only=True)
class Metric(MetricDefinition):
    """A definition of `config/metrics.py` and who computes it."""

    compute: Callable[..., Any]
    """Returns a float, or a list of floats for batched inputs; None where there is no number."""
    load: LoadNetwork | None = None
    """Loads the network that `network` names; None where it is computed without one."""
