"""CLIPScore (Hessel et al. 2021): how well a picture goes with its prompt, without any facts."""

from collections.abc import Sequence

import numpy as np

from zimage_eval.metrics.networks.clip import Clip

PREFIX = "A photo depicts "
WEIGHT = 2.5


def clip_score(
    images: Sequence[np.ndarray], texts: Sequence[str], clip: Clip
) -> list[float | None]:
    """2.5 max(cosine, 0) of each (height, width, 3) uint8 picture and its text, 0 to 2.5.

    The text is read after "A photo depicts ", as published (torchmetrics reads it alone, and gives
    100 max(cosine, 0)). None for a text that is longer than CLIP reads, 77 tokens with the prefix:
    cut off it would be another prompt. How many could be read is `clip_coverage`.
    """
    scores: list[float | None] = [None] * len(texts)
    fitting = [index for index, text in enumerate(texts) if _fits(text, clip)]
    if fitting:
        pictures = clip.embed_images([images[index] for index in fitting])
        words = clip.embed_texts([PREFIX + texts[index] for index in fitting])
        cosines = (pictures * words).sum(axis=1)
        for index, cosine in zip(fitting, cosines, strict=True):
            scores[index] = WEIGHT * max(float(cosine), 0.0)
    return scores


def clip_coverage(images: Sequence[np.ndarray], texts: Sequence[str], clip: Clip) -> list[float]:
    """1.0 for a prompt that CLIP can read whole, else 0.0: their mean is CLIPScore's coverage."""
    return [float(_fits(text, clip)) for text in texts]


def _fits(text: str, clip: Clip) -> bool:
    return clip.count_tokens(PREFIX + text) <= clip.max_tokens
