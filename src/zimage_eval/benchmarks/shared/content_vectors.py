"""What the transformer is given of a prompt's own words: content tokens, after its first norm.

The template's tokens are left out, its sink among them: their norms are their own. `cap_embedder`
begins with an RMSNorm, so a vector's length never reaches the transformer and is taken out here.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from safetensors import safe_open

from zimage_eval.metrics.embedding import TokenVectors
from zimage_eval.statistics.estimates import Floats
from zimage_eval.text.embeddings import TextEmbeddings

_WEIGHT = "cap_embedder.0.weight"
_SPACES = "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}\N{LATIN CAPITAL LETTER C WITH DOT ABOVE}"
"""How byte-level vocabularies spell a space and a line break: letters, for Python."""


class CaptionNorm(NamedTuple):
    """The RMSNorm that a caption passes first."""

    weight: Floats
    """`(hidden_size,)`."""
    eps: float

    def __call__(self, vectors: Floats) -> Floats:
        """`(num_tokens, hidden_size)` vectors as the transformer sees them."""
        scale = np.sqrt((vectors**2).mean(axis=-1, keepdims=True) + self.eps)
        return vectors / scale * self.weight


def read_caption_norm(folder: Path) -> CaptionNorm:
    """The norm in a transformer's folder, without loading the rest.

    Raises:
        ValueError: no file there holds it.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            if _WEIGHT in file.keys():  # noqa: SIM118 - no mapping, though it has keys
                weight = file.get_tensor(_WEIGHT).double().numpy()
                return CaptionNorm(weight, float(config["norm_eps"]))
    raise ValueError(f"{folder}: no weights named {_WEIGHT}")


def token_vectors(entry: TextEmbeddings) -> TokenVectors:
    """An encoded text with its classes of tokens."""
    vectors = entry.prompt_embeds.float().numpy()
    return TokenVectors(entry.tokens, entry.token_ids.numpy(), vectors)


def content(entry: TextEmbeddings, norm: CaptionNorm | None) -> Floats:
    """`(num_tokens, hidden_size)` of the prompt's own tokens; as they come if there is no norm.

    Raises:
        ValueError: the prompt has no tokens.
    """
    _, vectors = token_vectors(entry).of("content")
    if not len(vectors):
        raise ValueError(f"{entry.text!r} has no tokens of its own")
    return vectors if norm is None else norm(vectors)


def pooled(entries: Sequence[TextEmbeddings], norm: CaptionNorm | None) -> Floats:
    """`(texts, hidden_size)` means over the tokens of each text."""
    return np.stack([content(entry, norm).mean(axis=0) for entry in entries])


def word_ends(entry: TextEmbeddings) -> list[int]:
    """Index among the content tokens of the last token of each word; punctuation is no word."""
    ends: list[int] = []
    for index, token in enumerate(_content_tokens(entry)):
        if goes_on(token) and ends:
            ends[-1] = index
        elif any(letter.isalnum() for letter in token.lstrip(_SPACES)):
            ends.append(index)
    return ends


def num_split_words(entry: TextEmbeddings) -> int:
    """Words that the vocabulary lacks as a whole, by the tokens that go on with the one before."""
    return sum(goes_on(token) for token in _content_tokens(entry)[1:])


def goes_on(token: str) -> bool:
    """Whether a token of a byte-level vocabulary goes on with the word before it.

    Such vocabularies write the space before a word into its first token, as a letter of its own.
    """
    return token[0] not in _SPACES and token[0].isalnum()


def _content_tokens(entry: TextEmbeddings) -> list[str]:
    classes = token_vectors(entry).classes
    return [t for t, c in zip(entry.tokens, classes, strict=True) if c == "content"]
