"""What linear probes have to predict: labels of prompts, and the color of a noun."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from zimage_eval.benchmarks.shared.content_vectors import (
    CaptionNorm,
    Floats,
    content_embeds,
    word_ends,
)
from zimage_eval.prompts.scenes.parsing import split_caption
from zimage_eval.prompts.sets import Prompt
from zimage_eval.statistics.held_out import words_of
from zimage_eval.text.embeddings import TextEmbeddings

Label = Callable[[Prompt], str | None]


def _direction(prompt: Prompt) -> str | None:
    """The first relation, between two objects in the order in which the caption names them."""
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
"""Label of a whole prompt by name; None if the label does not apply to the prompt."""


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
    """Nouns of the captions of scenes whose objects have different colors.

    For such a caption a bag of words can't tell which object has which color; the vector of the
    noun may.
    """
    mentions = []
    for prompt, entry in zip(prompts, encoded, strict=True):
        parts = split_caption(prompt.text)
        if parts is None or len({fact.color for fact in parts.facts.objects}) < 2:
            continue
        vectors = content_embeds(entry, norm)
        ends = word_ends(entry)
        words = words_of(prompt.text)
        if len(ends) != len(words):
            continue  # punctuation as a word of its own, or a truncated prompt
        place = len(words_of(parts.lead))
        for phrase, link, fact in zip(
            parts.objects, (*parts.links, ""), parts.facts.objects, strict=True
        ):
            length = len(words_of(phrase))
            if fact.color is not None and fact.position is None:
                vector = vectors[ends[place + length - 1]]
                mentions.append(
                    Mention(
                        prompt_id=prompt.id,
                        text=prompt.text,
                        name=fact.name,
                        color=fact.color,
                        vector=vector,
                    )
                )
            place += length + len(words_of(link.strip(" ,")))
    return mentions


def rows_with_common_label(labels: Sequence[str | None], min_count: int) -> list[int]:
    """Indices of the rows whose label is the label of at least `min_count` rows."""
    values, counts = np.unique([label for label in labels if label is not None], return_counts=True)
    common = set(values[counts >= min_count].tolist())
    return [index for index, label in enumerate(labels) if label in common]
