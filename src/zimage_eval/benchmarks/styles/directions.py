"""Directions that stand for words of style: found as differences of means, added to embeddings.

An encoder that reads forwards gives words that stand before the style the same vectors with and
without it. What differs are the style's own words and the tokens that follow the prompt, so there
are two directions: one over the words' mean vectors, added to every word, and one over the tokens
behind the prompt, added to each of these in its place.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from zimage_eval.benchmarks.shared.content_vectors import (
    CaptionNorm,
    Floats,
    content,
    token_vectors,
)
from zimage_eval.text.chat_format import TURN_END
from zimage_eval.text.embeddings import TextEmbeddings


class Directions(NamedTuple):
    """What an attribute changes, over the prompts it was fitted on."""

    of_words: Floats
    """`(hidden_size,)` difference of the mean word vectors, brought to a word's mean length."""
    after: Floats
    """`(num_after, hidden_size)` mean difference of each token behind the prompt."""
    word_length: float
    """Of the words' vectors, the mean."""
    halves_cosine: float
    """Of the words' directions from two halves of the prompts."""
    shared_words_change: float
    """Largest change of a word that stands before the first difference; 0 for a causal encoder."""


def fit_directions(plain: Sequence[TextEmbeddings], styled: Sequence[TextEmbeddings]) -> Directions:
    """Directions from prompts without and with an attribute, in the same order.

    They are fitted before the transformer's norm, where they are added.
    """
    differences = np.stack(
        [
            content(b, None).mean(axis=0) - content(a, None).mean(axis=0)
            for a, b in zip(plain, styled, strict=True)
        ]
    )
    length = float(np.mean([np.linalg.norm(content(a, None), axis=1).mean() for a in plain]))
    mean = differences.mean(axis=0)
    one, other = differences[::2].mean(axis=0), differences[1::2].mean(axis=0)
    after = [_after(b) - _after(a) for a, b in zip(plain, styled, strict=True)]
    return Directions(
        mean / np.linalg.norm(mean) * length,
        np.mean(after, axis=0),
        length,
        float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)),
        max(_shared_change(a, b) for a, b in zip(plain, styled, strict=True)),
    )


def steer(
    entry: TextEmbeddings, directions: Directions, arm: str, strength: float, random_vector: Floats
) -> torch.Tensor:
    """`(num_tokens, hidden_size)` float32: the plain prompt's embeddings with something added."""
    changed = entry.prompt_embeds.double().numpy().copy()
    words = token_vectors(entry).classes == "content"
    if arm == "words_vector":
        changed[words] += strength * directions.of_words
    elif arm == "random_vector":
        changed[words] += strength * random_vector * directions.word_length
    elif len(directions.after):
        changed[-len(directions.after) :] += strength * directions.after
    return torch.from_numpy(changed).float()


def direction_row(
    directions: Directions, entries: Sequence[TextEmbeddings], norm: CaptionNorm
) -> dict[str, float | None]:
    """How steady a direction is, and what of it the transformer's norm lets through.

    `after_norm_share` is the length of what strength 1 changes there, over the words' own length.
    """
    shares = []
    for entry in entries:
        before = content(entry, None)
        change = norm(before + directions.of_words) - norm(before)
        shares.append(
            np.linalg.norm(change, axis=1).mean() / np.linalg.norm(norm(before), axis=1).mean()
        )
    return {
        "halves_cosine": directions.halves_cosine,
        "shared_words_change": directions.shared_words_change,
        "word_length": directions.word_length,
        "after_length": float(np.linalg.norm(directions.after, axis=1).mean())
        if len(directions.after)
        else None,
        "after_norm_share": float(np.mean(shares)),
    }


def _num_after(entry: TextEmbeddings) -> int:
    """Tokens from the end of the user's turn on; 0 without a chat format."""
    return len(entry.tokens) - entry.tokens.index(TURN_END) if TURN_END in entry.tokens else 0


def _after(entry: TextEmbeddings) -> Floats:
    vectors = entry.prompt_embeds.double().numpy()
    return np.asarray(vectors[len(vectors) - _num_after(entry) :], dtype=np.float64)


def _shared_change(plain: TextEmbeddings, styled: TextEmbeddings) -> float:
    """Relative change of the words up to the first that differs."""
    (ids, one), (other_ids, other) = (token_vectors(e).of("content") for e in (plain, styled))
    length = min(len(ids), len(other_ids))
    same = ids[:length] == other_ids[:length]
    shared = length if same.all() else int(np.argmin(same))
    if not shared:
        return 0.0
    return float(np.abs(one[:shared] - other[:shared]).max() / np.abs(one[:shared]).max())
