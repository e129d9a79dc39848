"""What the transformer is given of a prompt's own words: content tokens, after its first norm.

The template's tokens are left out, its sink among them: their norms are their own. `cap_embedder`
begins with an RMSNorm, so a vector's length never reaches the transformer and is taken out here.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from zimage_eval.embeddings import TextEmbeddings
from zimage_eval.metric_embedding import TokenVectors

Floats = NDArray[np.float64]
_WEIGHT = "cap_embedder.0.weight"


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


def num_split_words(entry: TextEmbeddings) -> int:
    """Words that the vocabulary lacks as a whole: tokens that go on with the word before them.

    Byte-level vocabularies write the space before a word into it.
    """
    classes = token_vectors(entry).classes
    tokens = [t for t, c in zip(entry.tokens, classes, strict=True) if c == "content"]
    return sum(token[0].isalpha() for token in tokens[1:])
