"""Metrics of prompt embeddings: norms, spread and rank, and differences from the baseline's.

Every metric is computed over the tokens of one class. The template's first token is an attention
sink with a norm far larger than that of words, so the classes must not be mixed.
"""

import hashlib
import json
from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from zimage_eval.config.kinds import TokenClass
from zimage_eval.metrics.metric import Metric
from zimage_eval.text.chat_format import NO_TOKEN, token_classes

CKA_MIN_TOKENS = 4
"""Fewest tokens for which the unbiased estimator is defined."""


class TokenVectors:
    """One encoded prompt: its tokens and their vectors."""

    def __init__(self, tokens: Sequence[str], token_ids: np.ndarray, vectors: np.ndarray) -> None:
        """Keep spellings, `(num_tokens,)` ids and `(num_tokens, hidden_size)` float32 vectors."""
        self.tokens = tokens
        self.token_ids = token_ids
        self.vectors = vectors

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex digits over spellings, ids and vectors."""
        digest = hashlib.sha256(json.dumps([list(self.tokens), self.vectors.shape]).encode())
        digest.update(self.token_ids.astype(np.int64).tobytes())
        digest.update(np.ascontiguousarray(self.vectors).tobytes())
        return digest.hexdigest()

    @cached_property
    def classes(self) -> NDArray[np.str_]:
        """`(num_tokens,)` token classes."""
        return np.array(token_classes(self.tokens))

    def of(self, token_class: TokenClass) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Ids `(num_tokens,)` and vectors `(num_tokens, hidden_size)` of a class, in order.

        The vectors of a condensed long prompt stand for several tokens each. They belong to no
        class, because they may mix words and template.
        """
        is_chosen = (self.classes == token_class) & (self.token_ids != NO_TOKEN)
        return self.token_ids[is_chosen], self.vectors[is_chosen].astype(np.float64)


def norm(encoded: TokenVectors, token_class: TokenClass) -> float | None:
    """Mean Euclidean norm; None without tokens of the class."""
    _, vectors = encoded.of(token_class)
    return float(np.linalg.norm(vectors, axis=1).mean()) if len(vectors) else None


def variance(encoded: TokenVectors, token_class: TokenClass) -> float | None:
    """Variance of a channel over the tokens (ddof 0), mean over channels; None under two tokens."""
    _, vectors = encoded.of(token_class)
    return float(vectors.var(axis=0).mean()) if len(vectors) > 1 else None


def sparsity(encoded: TokenVectors, token_class: TokenClass) -> float | None:
    """Hoyer's sparsity (2004): (√d - |v|₁ / |v|₂) / (√d - 1) over d channels, mean over tokens.

    0 when all channels are equally large, 1 when a single channel is not 0. None without tokens,
    and where a vector is all 0.
    """
    _, vectors = encoded.of(token_class)
    lengths = np.linalg.norm(vectors, axis=1)
    if not len(vectors) or not lengths.all():
        return None
    root = np.sqrt(vectors.shape[1])
    spread = np.abs(vectors).sum(axis=1) / lengths
    return float(((root - spread) / (root - 1)).mean())


def effective_rank(encoded: TokenVectors, token_class: TokenClass) -> float | None:
    """Exponential of the entropy of the centered vectors' singular values (Roy, Vetterli 2007).

    It lies between 1 and the number of tokens minus 1, so compare encodings of one text only. None
    under two tokens, or where all vectors are equal.
    """
    _, vectors = encoded.of(token_class)
    return effective_rank_of(vectors) if len(vectors) > 1 else None


def effective_rank_of(vectors: NDArray[np.float64]) -> float | None:
    """`effective_rank` of two or more vectors `(num_tokens, hidden_size)`."""
    values = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    values = values[values > values[0] * len(vectors) * np.finfo(np.float64).eps]
    if not len(values):
        return None
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def cosine_drift(
    encoded: TokenVectors, baseline: TokenVectors, token_class: TokenClass
) -> float | None:
    """1 - mean cosine similarity to the baseline's vectors of the same tokens.

    0 is the same direction, 2 the opposite. None where the first token of the class already
    differs, or a vector is all 0.

    Raises:
        ValueError: the vectors have different hidden sizes, so no angle is defined.
    """
    vectors, references = _shared(encoded, baseline, token_class)
    if vectors.shape[1] != references.shape[1]:
        raise ValueError(
            f"hidden sizes {vectors.shape[1]}, {references.shape[1]}; allowed: two equal ones"
        )
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(references, axis=1)
    if not len(vectors) or not norms.all():
        return None
    if np.array_equal(vectors, references):
        return 0.0  # rounding would leave about 1e-16, and "exactly equal" is an answer
    return float(1 - ((vectors * references).sum(axis=1) / norms).mean())


def linear_cka(
    encoded: TokenVectors, baseline: TokenVectors, token_class: TokenClass
) -> float | None:
    """Linear CKA (Kornblith et al. 2019) to the baseline's vectors of the same tokens.

    1 where the vectors are the baseline's up to rotation, scale and shift (which change the cosine
    but not the CKA); about 0 for unrelated vectors. It uses the unbiased HSIC of Song et al. (2012)
    and may be slightly below 0; the plain estimator is close to 1 for a few unrelated vectors of
    many channels. None under four shared tokens, or where the vectors of one side are all equal.
    """
    vectors, references = _shared(encoded, baseline, token_class)
    if len(vectors) < CKA_MIN_TOKENS:
        return None
    grams = [_gram(rows) for rows in (vectors, references)]
    within = [_hsic(gram, gram) for gram in grams]
    if min(within) <= 0:
        return None
    return float(_hsic(*grams) / np.sqrt(within[0] * within[1]))


def _shared(
    encoded: TokenVectors, baseline: TokenVectors, token_class: TokenClass
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Vectors of both for the tokens of a class up to the first that differs.

    The encoder is causal, so later tokens, which may differ, don't change these vectors.
    """
    ids, vectors = encoded.of(token_class)
    other_ids, references = baseline.of(token_class)
    length = min(len(ids), len(other_ids))
    same = ids[:length] == other_ids[:length]
    shared = length if same.all() else int(np.argmin(same))
    return vectors[:shared], references[:shared]


def _gram(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(num_tokens, num_tokens)` products of centered vectors, 0 on the diagonal."""
    centered = vectors - vectors.mean(axis=0)  # changes nothing but rounding
    gram: NDArray[np.float64] = centered @ centered.T
    np.fill_diagonal(gram, 0.0)
    return gram


def _hsic(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Song et al.'s unbiased HSIC of two Gram matrices, without the factor that cancels in a CKA.

    The factor is 1 / (n (n - 3)) for n tokens.
    """
    size = len(first)
    product = (first * second).sum()
    sums = first.sum() * second.sum() / ((size - 1) * (size - 2))
    rows = first.sum(axis=0) @ second.sum(axis=0)
    return float(product + sums - 2 * rows / (size - 2))


EmbeddingValues = dict[str, float | None]
CacheKey = TypeVar("CacheKey", bound=Hashable)


class EmbeddingScores(Generic[CacheKey]):
    """Scores of encodings by their keys; each is computed once, on its first use."""

    def __init__(
        self, encodings: Mapping[CacheKey, TokenVectors], metrics: Mapping[str, Metric]
    ) -> None:
        """Keep the encodings and those of the metrics that read an embedding or a pair of them."""
        self.encodings = encodings
        self.single = {n: metric for n, metric in metrics.items() if metric.reads == "embedding"}
        self.paired = {
            n: metric for n, metric in metrics.items() if metric.reads == "embedding_pair"
        }
        self.computed: dict[tuple[CacheKey, CacheKey | None], EmbeddingValues] = {}

    def digest(self, key: CacheKey | None) -> str | None:
        """Digest of an encoding; None for none."""
        return None if key is None else self.encodings[key].digest

    def of(self, key: CacheKey, baseline: CacheKey | None) -> EmbeddingValues:
        """Metric name -> score of one encoding; without a baseline, paired metrics are None.

        Raises:
            KeyError: there is no such encoding.
        """
        if (key, baseline) not in self.computed:
            encoded = self.encodings[key]
            scores: EmbeddingValues = {name: m.compute(encoded) for name, m in self.single.items()}
            for name, metric in self.paired.items():
                reference = None if baseline is None else self.encodings[baseline]
                scores[name] = None if reference is None else metric.compute(encoded, reference)
            self.computed[key, baseline] = scores
        return self.computed[key, baseline]
