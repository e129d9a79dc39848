"""How unusual a prompt's embeddings are: statistics, and distance from prompts that succeeded."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from zimage_eval.content_vectors import CaptionNorm, Floats, content, num_split_words, pooled
from zimage_eval.metrics.embedding import effective_rank_of
from zimage_eval.text.embeddings import TextEmbeddings

STATISTICS: Final[dict[str, str]] = {
    "norm": "mean length of a token's vector, before the norm",
    "least_norm": "length of the shortest of them",
    "variance": "variance over tokens, after the norm",
    "outlier_tokens": "length of the longest over that of the median token",
    "effective_rank": "dimensions that the tokens fill, over their number",
    "largest_channel": "share of the largest channel in the squared values, after the norm",
    "split_words": "words that the vocabulary lacks as a whole",
}


def embedding_statistics(entries: Sequence[TextEmbeddings], norm: CaptionNorm) -> Floats:
    """`(texts, statistics)` in the order of `STATISTICS`."""
    return np.array([_statistics_of(entry, norm) for entry in entries], dtype=np.float64)


def _statistics_of(entry: TextEmbeddings, norm: CaptionNorm) -> list[float]:
    raw, seen = content(entry, None), content(entry, norm)
    lengths = np.linalg.norm(raw, axis=1)
    energy = (seen**2).sum(axis=0)
    filled = (effective_rank_of(seen) if len(seen) > 1 else None) or 1.0
    return [
        float(lengths.mean()),
        float(lengths.min()),
        float(seen.var(axis=0).mean()),
        float(lengths.max() / np.median(lengths)),
        filled / len(seen),
        float(energy.max() / energy.sum()),
        float(num_split_words(entry)),
    ]


def held_out_distances(
    entries: Sequence[TextEmbeddings],
    norm: CaptionNorm,
    succeeded: NDArray[np.bool_],
    parts: Sequence[NDArray[np.intp]],
) -> tuple[Floats, Floats]:
    """Mahalanobis distances from the prompts of the other parts that succeeded: no failure is seen.

    Of a text's mean vector, and of its farthest token from all tokens; covariances are shrunk
    (Ledoit and Wolf 2004).

    Args:
        entries: encoded texts.
        norm: what the transformer does to them first.
        succeeded: `(texts,)`.
        parts: from `held_out.folds`.

    Returns:
        Two arrays `(texts,)`.
    """
    means = pooled(entries, norm)
    tokens = [content(entry, norm) for entry in entries]
    of_mean, of_token = np.empty(len(entries)), np.empty(len(entries))
    for test in parts:
        train = np.setdiff1d(np.flatnonzero(succeeded), test)
        by_mean = LedoitWolf().fit(means[train])
        by_token = LedoitWolf().fit(np.concatenate([tokens[index] for index in train]))
        of_mean[test] = by_mean.mahalanobis(means[test])
        of_token[test] = [by_token.mahalanobis(tokens[index]).max() for index in test]
    return of_mean, of_token
