"""Vectors of a prompt's own words as the transformer sees them: content tokens after its norm.

The template's tokens, one of which is an attention sink, are left out because their norms are not
comparable. `cap_embedder` begins with an RMSNorm, so that the length of a vector never reaches the
transformer. The same norm is applied here.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import safe_open

from zimage_eval.metrics.embedding import TokenVectors
from zimage_eval.model.memory import read_json_object
from zimage_eval.statistics.estimates import Floats
from zimage_eval.text.embeddings import TextEmbeddings

_WEIGHT = "cap_embedder.0.weight"
_SPACES = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}\N{LATIN CAPITAL LETTER C WITH DOT ABOVE}"
"""How byte-level vocabularies write a space and a line break; Python takes both for letters."""


class CaptionNorm(NamedTuple):
    """The RMSNorm at the beginning of the caption embedder."""

    weight: Floats
    """`(hidden_size,)`."""
    eps: float

    def __call__(self, vectors: Floats) -> Floats:
        """`(num_tokens, hidden_size)` vectors as the transformer sees them."""
        scale = np.sqrt((vectors**2).mean(axis=-1, keepdims=True) + self.eps)
        return vectors / scale * self.weight


def read_caption_norm(folder: Path) -> CaptionNorm:
    """Read the norm from a transformer's folder, without loading other weights.

    Raises:
        ValueError: no safetensors file of the folder holds its weight.
    """
    config = read_json_object(folder / "config.json")
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            if _WEIGHT in file.keys():  # noqa: SIM118 - no mapping, though it has keys
                weight = file.get_tensor(_WEIGHT).double().numpy()
                return CaptionNorm(weight, float(config["norm_eps"]))
    raise ValueError(f"{folder}: no *.safetensors file holds {_WEIGHT}")


def token_vectors(entry: TextEmbeddings) -> TokenVectors:
    """The token vectors of an encoded text, in float32."""
    vectors = entry.prompt_embeds.float().numpy()
    return TokenVectors(entry.tokens, entry.token_ids.numpy(), vectors)


def content_embeds(entry: TextEmbeddings, norm: CaptionNorm | None) -> Floats:
    """`(num_tokens, hidden_size)` of the content tokens, after `norm` unless it is None.

    Raises:
        ValueError: the prompt has no content tokens.
    """
    _, vectors = token_vectors(entry).of("content")
    if not len(vectors):
        raise ValueError(f"the prompt {entry.text!r} has no content tokens")
    return vectors if norm is None else norm(vectors)


def mean_vectors(entries: Sequence[TextEmbeddings], norm: CaptionNorm | None) -> Floats:
    """`(texts, hidden_size)`: for each text the mean of its content tokens."""
    return np.stack([content_embeds(entry, norm).mean(axis=0) for entry in entries])


def word_ends(entry: TextEmbeddings) -> list[int]:
    """For each word the index of its last token among content tokens; punctuation is no word."""
    ends: list[int] = []
    for index, token in enumerate(_content_tokens(entry)):
        if continues_word(token) and ends:
            ends[-1] = index
        elif any(letter.isalnum() for letter in token.lstrip(_SPACES)):
            ends.append(index)
    return ends


def num_split_words(entry: TextEmbeddings) -> int:
    """The number of tokens that continue a word, which the vocabulary lacks as a whole."""
    return sum(continues_word(token) for token in _content_tokens(entry)[1:])


def continues_word(token: str) -> bool:
    """Whether a token of a byte-level vocabulary continues the word of the token before.

    Such vocabularies write the space before a word as the first character of its first token.
    """
    return token[0] not in _SPACES and token[0].isalnum()


def _content_tokens(entry: TextEmbeddings) -> list[str]:
    classes = token_vectors(entry).classes
    return [
        token
        for token, token_class in zip(entry.tokens, classes, strict=True)
        if token_class == "content"
    ]
