"""Directions of style: differences of mean embeddings, which are then added to other embeddings.

A causal text encoder gives the words before the style words the same vectors with and without
them. Only the style words themselves and the tokens after the prompt differ. So there are two
directions: that of the mean word vectors is added to every word, that of the tokens after the
prompt is added to each of these tokens.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from zimage_eval.benchmarks.shared.content_vectors import (
    CaptionNorm,
    Floats,
    content_embeds,
    token_vectors,
)
from zimage_eval.text.chat_format import TURN_END
from zimage_eval.text.embeddings import TextEmbeddings


class Directions(NamedTuple):
    """What an attribute changes in the embeddings of the prompts it was fitted on."""

    of_words: Floats
    """`(hidden_size,)` difference of mean word vectors, scaled to the length `word_length`."""
    after: Floats
    """`(num_after, hidden_size)` mean difference of each token after the prompt."""
    word_length: float
    """Mean length of the word vectors."""
    halves_cosine: float
    """Cosine between the word directions of two halves of the prompts."""
    shared_words_change: float
    """Largest relative change of a word before the first difference; 0 for a causal encoder."""


def fit_directions(plain: Sequence[TextEmbeddings], styled: Sequence[TextEmbeddings]) -> Directions:
    """Fit directions on prompts without and with an attribute, in the same order.

    They are fitted to embeddings before the transformer's norm, because they are added there.
    """
    differences = np.stack(
        [
            content_embeds(styled_entry, None).mean(axis=0)
            - content_embeds(plain_entry, None).mean(axis=0)
            for plain_entry, styled_entry in zip(plain, styled, strict=True)
        ]
    )
    length = float(
        np.mean(
            [
                np.linalg.norm(content_embeds(plain_entry, None), axis=1).mean()
                for plain_entry in plain
            ]
        )
    )
    mean = differences.mean(axis=0)
    first_half, second_half = differences[::2].mean(axis=0), differences[1::2].mean(axis=0)
    after = [
        _after(styled_entry) - _after(plain_entry)
        for plain_entry, styled_entry in zip(plain, styled, strict=True)
    ]
    return Directions(
        of_words=mean / np.linalg.norm(mean) * length,
        after=np.mean(after, axis=0),
        word_length=length,
        halves_cosine=float(
            first_half @ second_half / np.linalg.norm(first_half) / np.linalg.norm(second_half)
        ),
        shared_words_change=max(
            _shared_change(plain_entry, styled_entry)
            for plain_entry, styled_entry in zip(plain, styled, strict=True)
        ),
    )


def steer(
    entry: TextEmbeddings, directions: Directions, arm: str, strength: float, random_vector: Floats
) -> torch.Tensor:
    """`(num_tokens, hidden_size)` float32: the embeddings of a plain prompt plus a direction."""
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
    """How stable a direction is, and how much of it passes the transformer's norm.

    `after_norm_share` is the length of the change by strength 1 after the norm, over the length of
    the word vectors there.
    """
    shares = []
    for entry in entries:
        before = content_embeds(entry, None)
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
    """Number of tokens from the end of the user's turn on; 0 without a chat format."""
    return len(entry.tokens) - entry.tokens.index(TURN_END) if TURN_END in entry.tokens else 0


def _after(entry: TextEmbeddings) -> Floats:
    vectors = entry.prompt_embeds.double().numpy()
    return np.asarray(vectors[len(vectors) - _num_after(entry) :], dtype=np.float64)


def _shared_change(plain: TextEmbeddings, styled: TextEmbeddings) -> float:
    """Largest relative change of the words before the first word that differs."""
    (plain_ids, plain_vectors), (styled_ids, styled_vectors) = (
        token_vectors(entry).of("content") for entry in (plain, styled)
    )
    length = min(len(plain_ids), len(styled_ids))
    same = plain_ids[:length] == styled_ids[:length]
    shared = length if same.all() else int(np.argmin(same))
    if not shared:
        return 0.0
    return float(
        np.abs(plain_vectors[:shared] - styled_vectors[:shared]).max()
        / np.abs(plain_vectors[:shared]).max()
    )
