"""The type of a metric of one image: what it reads, its unit, margin and network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

    import torch

Reads = Literal[
    "fact_results",
    "image",
    "image_pair",
    "image_pairs",
    "seed_pairs",
    "image_texts",
    "embedding",
    "embedding_pair",
    "num_forwards",
]
"""The input of a metric.

`image_pair` and `embedding_pair` are a variant's and the baseline's of the same prompt, phase and
seed. The three in the plural are lists for a network: pairs with the baseline, pairs of two seeds
of one variant and prompt, pictures with their prompts' texts.
"""
BATCHED: tuple[Reads, ...] = ("image_pairs", "seed_pairs", "image_texts")
"""The inputs that come as lists."""


@dataclass(frozen=True)
class Network:
    """A network that a metric is computed with."""

    weights: Literal["alexnet", "vgg16", "clip"]
    """`alexnet` is in the repository, the others are declared in models/<model>.yaml."""
    load: Callable[["Path", "torch.device"], Any]
    """Loads the network from a folder onto a device."""


@dataclass(frozen=True)
class Metric:
    """One number about an image; its name is its key in `catalogue.METRICS`."""

    compute: Callable[..., Any]
    """Returns a float, or a list of floats for batched inputs; None where there is no number."""
    reads: Reads
    unit: str
    """Empty for a pure number."""
    better: Literal["higher", "lower"] | None
    """None where neither end is good in itself."""
    decimals: int
    """Number of decimals that the report shows."""
    margin: float | None
    """Smallest difference that matters, in the metric's unit; None for a metric that only describes
    a variant and is not compared."""
    mode: str
    """Settings with which another implementation gets the same number."""
    library: str | None = None
    """The PyPI package that computes it; None where it is computed here."""
    network: Network | None = None
    """The network that it is computed with, if any."""
    min_side: int = 1
    """Pixels of the shorter side of the smallest picture that has the number."""

    @property
    def is_paired(self) -> bool:
        """Whether it compares with the baseline; the baseline itself then has no number."""
        return self.reads in ("image_pair", "image_pairs", "embedding_pair")

    @property
    def is_judged(self) -> bool:
        """Whether it is a share of a few facts, whose differences between variants are often 0."""
        return self.reads == "fact_results"
