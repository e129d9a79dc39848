"""Computing the metrics of images: one by one, and in batches for those that need a network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from zimage_eval.config.metrics import Reads
from zimage_eval.metrics.metric import Metric
from zimage_eval.prompts.facts import FactResult

# Small batches waste time, and large batches of large pictures need too much memory.
MAX_PER_BATCH = 32
MAX_PIXELS_PER_BATCH = 2**21


@dataclass(frozen=True)
class PictureInputs:
    """The inputs for the metrics of one image; None for an input that does not exist."""

    image: np.ndarray
    """(height, width, 3) uint8."""
    baseline_image: np.ndarray | None
    fact_results: tuple[FactResult, ...] | None
    num_forwards: int | None

    def scores(self, metrics: Mapping[str, Metric]) -> dict[str, float | None]:
        """Name -> number of the metrics that read one of these inputs.

        None where an input is missing, or the number does not exist or is not finite.
        """
        inputs: dict[str, tuple[Any, ...]] = {
            "fact_results": (self.fact_results,),
            "image": (self.image,),
            "image_pair": (self.image, self.baseline_image),
            "num_forwards": (self.num_forwards,),
        }
        return {
            name: _compute(metric, inputs[metric.reads])
            if min(self.image.shape[:2]) >= metric.min_side
            else None
            for name, metric in metrics.items()
            if metric.reads in inputs
        }


class PicturePair(NamedTuple):
    """A picture and the picture or text that a network compares it with."""

    image: np.ndarray
    """(height, width, 3) uint8."""
    reference: np.ndarray | str
    """A picture of the same size, or a text."""
    rows: tuple[dict[str, Any], ...]
    """Rows of the score table that get the score; a row in several pairs gets their mean."""


class Comparisons:
    """A queue of comparisons of one kind, which is computed when a batch is full."""

    def __init__(
        self, reads: Reads, metrics: Mapping[str, Metric], networks: Mapping[str, Any]
    ) -> None:
        """An empty queue for the metrics that read `reads`; `networks` is by the metric's name."""
        self.metrics = {name: metric for name, metric in metrics.items() if metric.reads == reads}
        self.networks = networks
        self.queue: list[PicturePair] = []
        self.scores: dict[tuple[int, str], list[float]] = {}

    def add(self, comparison: PicturePair) -> None:
        """Put a comparison into the queue; a batch has pictures of one size only.

        A metric has no number of pictures that are too small for its network (`min_side`).
        """
        if not self.metrics:
            return
        shape = comparison.image.shape
        if self.queue and (self._is_full() or shape != self.queue[0].image.shape):
            self.flush()
        self.queue.append(comparison)

    def flush(self) -> None:
        """Compute the queued comparisons and write their scores into the rows."""
        batch, self.queue = self.queue, []
        if not batch:
            return
        images = [comparison.image for comparison in batch]
        references = [comparison.reference for comparison in batch]
        side = min(images[0].shape[:2])
        for name, metric in self.metrics.items():
            if side < metric.min_side:
                continue
            scores = metric.compute(images, references, self.networks[name])
            for comparison, score in zip(batch, scores, strict=True):
                if score is not None and np.isfinite(score):
                    for row in comparison.rows:
                        row_scores = self.scores.setdefault((id(row), name), [])
                        row_scores.append(score)
                        row[name] = float(np.mean(row_scores))

    def _is_full(self) -> bool:
        pixels = sum(pair.image.shape[0] * pair.image.shape[1] for pair in self.queue)
        return len(self.queue) >= MAX_PER_BATCH or pixels >= MAX_PIXELS_PER_BATCH


def _compute(metric: Metric, inputs: tuple[Any, ...]) -> float | None:
    if any(value is None for value in inputs):
        return None
    value: float | None = metric.compute(*inputs)
    return value if value is not None and math.isfinite(value) else None
