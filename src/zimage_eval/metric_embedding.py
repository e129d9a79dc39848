"""What the text encoder made of a prompt, and how far that is from what the baseline got."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class TokenVectors(NamedTuple):
    """One encoded prompt."""

    tokens: Sequence[str]
    """As the tokenizer spells them, template included."""
    token_ids: np.ndarray
    """(num_tokens,) integers."""
    vectors: np.ndarray
    """(num_tokens, hidden_size) float32."""


def content_slice(tokens: Sequence[str]) -> slice:
    r"""Where the prompt's own tokens are: inside the last user turn of Qwen3's chat template.

    A turn is `<|im_start|>role\n ... <|im_end|>`; a truncated one ends with the tokens. Without a
    user turn, every token is the prompt's own.
    """
    for start in range(len(tokens) - 1, -1, -1):
        if tokens[start] == "<|im_start|>" and tuple(tokens[start + 1 : start + 2]) == ("user",):
            after_header = start + 3  # <|im_start|>, user, line break
            turn = list(tokens[after_header:])
            length = turn.index("<|im_end|>") if "<|im_end|>" in turn else len(turn)
            return slice(after_header, after_header + length)
    return slice(0, len(tokens))


def embedding_norm(encoded: TokenVectors) -> float | None:
    """Mean Euclidean norm of the vectors of the prompt's own tokens; None if it has none.

    Template tokens are left out: the first one is an attention sink with a norm of its own.
    """
    content = encoded.vectors[content_slice(encoded.tokens)].astype(np.float64)
    return float(np.linalg.norm(content, axis=1).mean()) if len(content) else None


def cosine_drift(encoded: TokenVectors, baseline: TokenVectors) -> float | None:
    """1 - mean cosine similarity to the baseline's vectors, over the tokens both begin with.

    0 is the same direction, 2 the opposite. Encodings of other lengths (cut off, another ending)
    are compared on their longest common beginning, template tokens included: the encoder is
    causal, so what follows can't change it. None if the first token already differs.

    Raises:
        ValueError: the vectors have another size, so no angle is defined.
    """
    if encoded.vectors.shape[1] != baseline.vectors.shape[1]:
        raise ValueError(f"hidden sizes {encoded.vectors.shape[1]}, {baseline.vectors.shape[1]}")
    length = min(len(encoded.token_ids), len(baseline.token_ids))
    same = encoded.token_ids[:length] == baseline.token_ids[:length]
    shared = length if same.all() else int(np.argmin(same))
    if not shared:
        return None
    vectors = encoded.vectors[:shared].astype(np.float64)
    references = baseline.vectors[:shared].astype(np.float64)
    if np.array_equal(vectors, references):
        return 0.0  # rounding would leave about 1e-16, and "exactly equal" is an answer
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(references, axis=1)
    return float(1 - ((vectors * references).sum(axis=1) / norms).mean())
