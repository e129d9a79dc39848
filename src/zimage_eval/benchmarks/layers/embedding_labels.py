"""What a linear probe is asked of a prompt, or of the vector of one of its nouns."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from zimage_eval.benchmarks.shared.content_vectors import CaptionNorm, Floats, content, word_ends
from zimage_eval.prompts.scenes.parsing import split_caption
from zimage_eval.prompts.sets import Prompt
from zimage_eval.statistics.held_out import words_of
from zimage_eval.text.embeddings import TextEmbeddings

Label = Callable[[Prompt], str | None]


def _direction(prompt: Prompt) -> str | None:
    """Which of the two objects of a relation stands left or above, as they are named."""
    parts = split_caption(prompt.text)
    return parts.facts.relations[0].relation if parts and parts.facts.relations else None


LABELS: Final[dict[str, Label]] = {
    "category": lambda prompt: prompt.category,
    "num_objects": lambda prompt: str(sum(fact.count for fact in prompt.facts.objects)),
    "relation": _direction,
    "background": lambda prompt: prompt.facts.background or "unsaid",
    "style": lambda prompt: prompt.facts.style or "unsaid",
    "first_name": lambda prompt: prompt.facts.objects[0].name,
    "first_color": lambda prompt: prompt.facts.objects[0].color,
}
"""What is asked of a whole prompt; None where it does not apply."""


class Mention(NamedTuple):
    """A noun of a prompt, with the vector of its last token."""

    prompt_id: str
    text: str
    name: str
    color: str
    vector: Floats
    """`(hidden_size,)`."""


def find_mentions(
    prompts: Sequence[Prompt], encoded: Sequence[TextEmbeddings], norm: CaptionNorm
) -> list[Mention]:
    """The objects of scenes that have several of different colors, where the caption names them.

    There a bag of words can't say whose color is which; the vector of the noun alone might.
    """
    found = []
    for prompt, entry in zip(prompts, encoded, strict=True):
        parts = split_caption(prompt.text)
        if parts is None or len({fact.color for fact in parts.facts.objects}) < 2:
            continue
        vectors = content(entry, norm)
        ends = word_ends(entry)
        words = words_of([prompt.text])[0]
        if len(ends) != len(words):
            continue  # punctuation that stands alone, or a word cut off
        place = len(words_of([parts.lead])[0])
        for phrase, link, fact in zip(
            parts.objects, (*parts.links, ""), parts.facts.objects, strict=True
        ):
            length = len(words_of([phrase])[0])
            if fact.color is not None and fact.position is None:
                vector = vectors[ends[place + length - 1]]
                found.append(Mention(prompt.id, prompt.text, fact.name, fact.color, vector))
            place += length + len(words_of([link.strip(" ,")])[0] if link.strip(" ,") else [])
    return found


def applicable(labels: Sequence[str | None], least: int) -> list[int]:
    """Indices of the rows whose class has at least so many rows."""
    values, counts = np.unique([label for label in labels if label is not None], return_counts=True)
    common = set(values[counts >= least].tolist())
    return [index for index, label in enumerate(labels) if label in common]
