"""What can be read of one image, and the metrics of it that need no network."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from zimage_eval.metric_base import Metric
from zimage_eval.prompts.facts import FactResult


@dataclass(frozen=True)
class Observation:
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
            for name, metric in metrics.items()
            if metric.reads in inputs
        }


def _compute(metric: Metric, inputs: tuple[Any, ...]) -> float | None:
    if any(value is None for value in inputs):
        return None
    value: float | None = metric.compute(*inputs)
    return value if value is not None and math.isfinite(value) else None
