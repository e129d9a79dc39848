"""How well a picture shows the texts that its prompt quotes: word accuracy, NED, CER.

As in CVTG-2K (TextCrafter) and AnyText, but by another reader of text. None for a prompt that
quotes nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np

from zimage_eval.metrics.networks.text_reader import TextReader
from zimage_eval.metrics.text_rendering.spelling import (
    characters,
    nearest_lines,
    quoted_texts,
    word_accuracy,
)


def text_word_accuracy(
    images: Sequence[np.ndarray], texts: Sequence[str], reader: TextReader
) -> list[float | None]:
    """Share of the words in quotes that are read somewhere in the picture, in [0, 1]."""
    return _score_each(images, texts, reader, word_accuracy)


def text_ned(
    images: Sequence[np.ndarray], texts: Sequence[str], reader: TextReader
) -> list[float | None]:
    """1 - edit distance over the longer length, mean over the quoted texts, in [0, 1].

    The name is the field's, NED for normalized edit distance, though 1 is best.
    """

    def similarity(quoted: Sequence[str], lines: Sequence[str]) -> float:
        similarities = []
        for text in quoted:
            distance, nearest = nearest_lines(text, lines)
            similarities.append(1 - distance / max(len(characters(text)), len(nearest)))
        return sum(similarities) / len(similarities)

    return _score_each(images, texts, reader, similarity)


def text_cer(
    images: Sequence[np.ndarray], texts: Sequence[str], reader: TextReader
) -> list[float | None]:
    """Character errors over quoted characters: 0 where all is right, 1 where nothing is read."""

    def error_rate(quoted: Sequence[str], lines: Sequence[str]) -> float:
        errors = sum(nearest_lines(text, lines)[0] for text in quoted)
        return errors / sum(len(characters(text)) for text in quoted)

    return _score_each(images, texts, reader, error_rate)


def _score_each(
    images: Sequence[np.ndarray],
    texts: Sequence[str],
    reader: TextReader,
    score: Callable[[Sequence[str], Sequence[str]], float],
) -> list[float | None]:
    """`score` of quoted texts and read lines; pictures without quoted text are not read."""
    quotes = [quoted_texts(text) for text in texts]
    return [
        score(quoted, reader.read_lines(image)) if quoted else None
        for image, quoted in zip(images, quotes, strict=True)
    ]
