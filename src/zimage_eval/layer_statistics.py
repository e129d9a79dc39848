"""Norms and outlier channels of each hidden layer, of words, template and its first token."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from zimage_eval.content_vectors import Floats, token_vectors
from zimage_eval.metrics.embedding import effective_rank_of
from zimage_eval.text.embeddings import TextEmbeddings

Row = dict[str, float | None]
OUTLIER: Final = 6.0
"""A channel is an outlier where its mean size is this many times the median channel's
(Dettmers et al. 2022 look for sizes of 6 in activations of about 1)."""


def layer_row(encoded: Sequence[TextEmbeddings]) -> Row:
    """Statistics of one layer over many texts; the first token is the template's, a sink or not."""
    texts = [token_vectors(entry) for entry in encoded]
    words = np.concatenate([text.of("content")[1] for text in texts])
    template = np.concatenate([text.of("template")[1][1:] for text in texts])
    first = np.stack([text.vectors[0].astype(np.float64) for text in texts])
    sizes = np.abs(words).mean(axis=0)
    energy = (words**2).mean(axis=0)
    median = _length(words)
    return {
        "norm_content": median,
        "norm_content_spread": float(np.linalg.norm(words, axis=1).std() / median),
        "norm_template": _length(template) if len(template) else None,
        "norm_first_token_over_content": _length(first) / median,
        "outlier_channels": int((sizes > OUTLIER * np.median(sizes)).sum()),
        "largest_channel_share": float(energy.max() / energy.sum()),
        "constant_channels": int((words.std(axis=0) < 1e-6 * words.std()).sum()),
        "effective_rank": effective_rank_of(words),
        "num_channels": words.shape[1],
    }


def _length(vectors: Floats) -> float:
    return float(np.median(np.linalg.norm(vectors, axis=1)))
