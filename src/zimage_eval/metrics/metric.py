"""What a metric of one image is."""

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
"""What a metric is computed from.

A pair is with the baseline of the same prompt, phase and seed. The three in the plural are lists
and a network: pairs with the baseline, pairs of two seeds of one variant and prompt, pictures and
their prompts' texts.
"""
BATCHED: tuple[Reads, ...] = ("image_pairs", "seed_pairs", "image_texts")


@dataclass(frozen=True)
class Network:
    """A network that a metric is computed with."""

    weights: Literal["alexnet", "vgg16", "clip"]
    """`alexnet` lies in the repository, the others are declared in models/<model>.yaml."""
    load: Callable[["Path", "torch.device"], Any]


@dataclass(frozen=True)
class Metric:
    """One number about an image, under the name it has in `metrics.METRICS`."""

    compute: Callable[..., Any]
    """A float, a list of them for the batched ones, or None where the number does not exist."""
    reads: Reads
    unit: str
    """Empty for a pure number."""
    better: Literal["higher", "lower"] | None
    """None where neither end is good in itself."""
    decimals: int
    """Decimals that a reader is shown."""
    margin: float | None
    """Smallest difference that matters, in the metric's unit; None for what describes a variant
    and is not compared."""
    mode: str
    """Settings that another implementation would have to share to get the same number."""
    library: str | None = None
    """The PyPI package whose number it is; None where it is computed here."""
    network: Network | None = None
    least_side: int = 1
    """Pixels of the shorter side of the smallest picture that has the number."""

    @property
    def is_paired(self) -> bool:
        """Whether it compares with the baseline, and so does not exist for the baseline."""
        return self.reads in ("image_pair", "image_pairs", "embedding_pair")

    @property
    def is_judged(self) -> bool:
        """Whether it is a share of a few facts: sparse differences, all of them maybe 0."""
        return self.reads == "fact_results"
