"""CLIPScore (Hessel et al. 2021): similarity of a picture and its prompt, without any facts."""

from collections.abc import Sequence

import numpy as np

from zimage_eval.metrics.networks.clip import Clip

PREFIX = "A photo depicts "
WEIGHT = 2.5


def clip_score(
    images: Sequence[np.ndarray], texts: Sequence[str], clip: Clip
) -> list[float | None]:
    """2.5 max(cosine, 0) of each (height, width, 3) uint8 picture and its text, 0 to 2.5.

    The text gets the prefix "A photo depicts ", as published (torchmetrics takes no prefix and
    returns 100 max(cosine, 0)). None for a text longer than the 77 tokens that CLIP reads, prefix
    included: if it were cut off, it would be another prompt. `clip_coverage` is the share of the
    others.
    """
    scores: list[float | None] = [None] * len(texts)
    readable = [index for index, text in enumerate(texts) if _fits(text, clip)]
    if readable:
        pictures = clip.embed_images([images[index] for index in readable])
        words = clip.embed_texts([PREFIX + texts[index] for index in readable])
        cosines = (pictures * words).sum(axis=1)
        for index, cosine in zip(readable, cosines, strict=True):
            scores[index] = WEIGHT * max(float(cosine), 0.0)
    return scores


def clip_coverage(images: Sequence[np.ndarray], texts: Sequence[str], clip: Clip) -> list[float]:
    """For each text, 1.0 if CLIP can read all of it, else 0.0; the mean is CLIPScore's coverage."""
    return [float(_fits(text, clip)) for text in texts]


def _fits(text: str, clip: Clip) -> bool:
    return clip.count_tokens(PREFIX + text) <= clip.max_tokens
