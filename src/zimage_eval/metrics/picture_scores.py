"""The metrics of an image: from the picture itself, and from networks that see many at once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from zimage_eval.metrics.metric import Metric, Reads
from zimage_eval.prompts.facts import FactResult


@dataclass(frozen=True)
class PictureInputs:
    """What the metrics of one image may read; None where there is nothing to read."""

    image: np.ndarray
    """(height, width, 3) uint8."""
    baseline_image: np.ndarray | None
    fact_results: tuple[FactResult, ...] | None
    num_forwards: int | None

    def scores(self, metrics: Mapping[str, Metric]) -> dict[str, float | None]:
        """The metrics that read one of these; None where an input or the number is missing."""
        inputs: dict[str, tuple[Any, ...]] = {
            "fact_results": (self.fact_results,),
            "image": (self.image,),
            "image_pair": (self.image, self.baseline_image),
            "num_forwards": (self.num_forwards,),
        }
        return {
            name: _compute(metric, inputs[metric.reads])
            if min(self.image.shape[:2]) >= metric.least_side
            else None
            for name, metric in metrics.items()
            if metric.reads in inputs
        }


def _compute(metric: Metric, inputs: tuple[Any, ...]) -> float | None:
    if any(value is None for value in inputs):
        return None
    value: float | None = metric.compute(*inputs)
    return value if value is not None and math.isfinite(value) else None


# A network on few small pictures is all overhead, on many large ones all memory.
MAX_PER_BATCH = 32
MAX_PIXELS_PER_BATCH = 2**21


class PicturePair(NamedTuple):
    """A picture and what a network compares it with."""

    image: np.ndarray
    """(height, width, 3) uint8."""
    other: np.ndarray | str
    """A picture of the same size, or a text."""
    rows: tuple[dict[str, Any], ...]
    """Where the scores go: the mean of all comparisons that name a row."""


class Comparisons:
    """Comparisons of one kind, computed when a batch is full."""

    def __init__(
        self, reads: Reads, metrics: Mapping[str, Metric], networks: Mapping[str, Any]
    ) -> None:
        """Of the metrics that read this, each with its network by the metric's name."""
        self.metrics = {name: metric for name, metric in metrics.items() if metric.reads == reads}
        self.networks = networks
        self.waiting: list[PicturePair] = []
        self.scores: dict[tuple[int, str], list[float]] = {}

    def add(self, comparison: PicturePair) -> None:
        """Take one in; pictures of one size alone share a batch.

        A metric has no number of pictures that are too small for its network (`least_side`).
        """
        if not self.metrics:
            return
        shape = comparison.image.shape
        if self.waiting and (self._is_full() or shape != self.waiting[0].image.shape):
            self.flush()
        self.waiting.append(comparison)

    def flush(self) -> None:
        """Compute what waits and put it into the rows."""
        batch, self.waiting = self.waiting, []
        if not batch:
            return
        images, others = [each.image for each in batch], [each.other for each in batch]
        side = min(images[0].shape[:2])
        for name, metric in self.metrics.items():
            if side < metric.least_side:
                continue
            scores = metric.compute(images, others, self.networks[name])
            for comparison, score in zip(batch, scores, strict=True):
                if score is not None and np.isfinite(score):
                    for row in comparison.rows:
                        known = self.scores.setdefault((id(row), name), [])
                        known.append(score)
                        row[name] = float(np.mean(known))

    def _is_full(self) -> bool:
        pixels = sum(each.image.shape[0] * each.image.shape[1] for each in self.waiting)
        return len(self.waiting) >= MAX_PER_BATCH or pixels >= MAX_PIXELS_PER_BATCH
