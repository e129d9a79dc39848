"""Features of a prompt's words, which are known before anything is drawn."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.captions import NUMBER_WORDS
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.scenes.world import LETTERS
from zimage_eval.statistics.held_out import Floats, words_of

RELATION_WORDS: Final = frozenset(
    [
        "left",
        "right",
        "above",
        "over",
        "below",
        "under",
        "beneath",
        "underneath",
        "behind",
        "beside",
        "between",
        "near",
        "on",
        "in",
    ]
)

FEATURES: Final[dict[str, str]] = {
    "num_words": "words",
    "word_length": "letters a word",
    "num_commas": "commas",
    "num_sentences": "sentences",
    "num_repeated_words": "words that stand there a second time",
    "num_number_words": "number words and digits",
    "num_place_words": "words of place",
    "is_scene": "captions of scenes",
    "num_kinds": "different objects",
    "num_objects": "objects in all",
    "num_object_pairs": "pairs of objects to be told apart",
    "num_colors": "colors of objects",
    "num_sizes": "sizes of objects",
    "num_fills": "fills of objects",
    "num_positions": "positions of objects",
    "num_relations": "relations",
    "num_letters": "letters as objects",
    "is_counted": "several of one kind",
    "has_background": "a background",
    "has_style": "a style",
}
"""Feature -> what it counts. From `is_scene` on, features are 0 if the text is no scene caption."""


def prompt_features(text: str) -> dict[str, float]:
    """Feature -> value, for each of `FEATURES`."""
    words = [word for word in words_of(text) if word]
    numbers = {*NUMBER_WORDS.values(), "one", "four", "five"}
    values = {
        "num_words": len(words),
        "word_length": sum(map(len, words)) / max(len(words), 1),
        "num_commas": text.count(","),
        "num_sentences": sum(part.strip() != "" for part in text.split(".")),
        "num_repeated_words": len(words) - len(set(words)),
        "num_number_words": sum(word in numbers or word.isdigit() for word in words),
        "num_place_words": sum(word in RELATION_WORDS for word in words),
    }
    return {
        name: float(value) for name, value in (values | _fact_features(parse_caption(text))).items()
    }


def _fact_features(facts: Facts | None) -> dict[str, float]:
    if facts is None:
        return dict.fromkeys(list(FEATURES)[list(FEATURES).index("is_scene") :], 0)
    objects = facts.objects
    num_objects = sum(fact.count for fact in objects)
    return {
        "is_scene": 1,
        "num_kinds": len(objects),
        "num_objects": num_objects,
        "num_object_pairs": num_objects * (num_objects - 1) / 2,
        "num_colors": sum(fact.color is not None for fact in objects),
        "num_sizes": sum(fact.size is not None for fact in objects),
        "num_fills": sum(fact.fill is not None for fact in objects),
        "num_positions": sum(fact.position is not None for fact in objects),
        "num_relations": len(facts.relations),
        "num_letters": sum(fact.name in LETTERS for fact in objects),
        "is_counted": any(fact.count > 1 for fact in objects),
        "has_background": facts.background is not None,
        "has_style": facts.style is not None,
    }


def feature_matrix(texts: Sequence[str]) -> Floats:
    """`(texts, features)` in the order of `FEATURES`."""
    rows = [[prompt_features(text)[name] for name in FEATURES] for text in texts]
    return np.array(rows, dtype=np.float64)
