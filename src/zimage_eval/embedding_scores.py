"""Metrics of what the text encoder made of a prompt, once for all images drawn from it."""

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

from zimage_eval.metric_base import Metric
from zimage_eval.metric_embedding import TokenVectors

Scores = dict[str, float | None]
Key = TypeVar("Key", bound=Hashable)


class EmbeddingScores(Generic[Key]):
    """Scores of encodings by their keys, computed when they are first asked for."""

    def __init__(
        self, encodings: Mapping[Key, TokenVectors], metrics: Mapping[str, Metric]
    ) -> None:
        """Of the metrics that read an embedding or a pair of them."""
        self.encodings = encodings
        self.single = {n: metric for n, metric in metrics.items() if metric.reads == "embedding"}
        self.paired = {
            n: metric for n, metric in metrics.items() if metric.reads == "embedding_pair"
        }
        self.known: dict[tuple[Key, Key | None], Scores] = {}

    def of(self, key: Key, baseline: Key | None) -> Scores:
        """Scores of one encoding; without a baseline, the paired ones have no number.

        Raises:
            KeyError: there is no such encoding.
        """
        if (key, baseline) not in self.known:
            encoded = self.encodings[key]
            scores: Scores = {name: m.compute(encoded) for name, m in self.single.items()}
            for name, metric in self.paired.items():
                other = None if baseline is None else self.encodings[baseline]
                scores[name] = None if other is None else metric.compute(encoded, other)
            self.known[key, baseline] = scores
        return self.known[key, baseline]
