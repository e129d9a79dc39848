"""A judge of natural prompts: a detector finds and counts things, CLIP names colors and media.

After GenEval (Ghosh et al. 2023). Backgrounds, sizes and fills are not checked: no result, rather
than a bad one.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from zimage_eval.clip import Clip
from zimage_eval.detections import Detection, Detector
from zimage_eval.prompts.facts import FactResult, Facts, ObjectFact, RelationFact
from zimage_eval.prompts.scenes.world import nearest_position, stands_in_relation

COLORS = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "black",
    "white",
    "gray",
)
STYLES = (
    "photograph",
    "oil painting",
    "watercolor",
    "illustration",
    "cartoon",
    "pixel art",
    "pencil drawing",
    "colored pencil drawing",
    "woodblock print",
    "linocut print",
    "comic book illustration",
    "collage",
)
LEAST_OFFSET = 0.05
"""Share of the picture's shorter side that two centers must lie apart to stand in a relation."""

Classifier = Callable[[np.ndarray, Sequence[str]], int]
"""(height, width, 3) uint8 picture and texts -> index of the text that fits best."""


class Instance(NamedTuple):
    """A thing that a detector found, and its color."""

    name: str
    color: str
    center: tuple[float, float]


def clip_classifier(clip: Clip) -> Classifier:
    """The text whose embedding is nearest to the picture's."""

    def classify(image: np.ndarray, texts: Sequence[str]) -> int:
        return int((clip.embed_texts(texts) @ clip.embed_images([image])[0]).argmax())

    return classify


def judge_natural(
    image: np.ndarray, facts: Facts, detect: Detector, classify: Classifier
) -> list[FactResult]:
    """Whether each fact that can be checked holds in a picture `(height, width, 3)` uint8.

    An object is a thing of its name and, where one is stated, its color: the shape holds when the
    name is found, the color when as many of them as stated have it, the count when exactly so many
    things of name and color are found.
    """
    found = detect(image, [fact.name for fact in facts.objects])
    colored = {fact.name for fact in facts.objects if fact.color is not None}
    instances = []
    for each in found:
        color = _color(image, each, classify) if each.name in colored else ""
        instances.append(Instance(each.name, color, each.center))
    results = []
    for index, fact in enumerate(facts.objects):
        results += _check_object(index, fact, instances, image.shape)
    for index, relation in enumerate(facts.relations):
        held = _check_relation(relation, facts, instances, image.shape)
        results.append(FactResult("relation", held, index))
    if facts.style in STYLES:
        best = STYLES[classify(image, [f"a {style}" for style in STYLES])]
        results.append(FactResult("style", best == facts.style))
    return results


def _check_object(
    index: int, fact: ObjectFact, instances: Sequence[Instance], shape: tuple[int, ...]
) -> list[FactResult]:
    named = [each for each in instances if each.name == fact.name]
    meant = _meant(fact, instances)
    results = [FactResult("shape", bool(named), index)]
    if fact.color is not None:
        results.append(FactResult("color", len(meant) >= fact.count, index))
    results.append(FactResult("count", len(meant) == fact.count, index))
    if fact.position is not None:
        height, width = shape[:2]
        places = [nearest_position(*each.center, width, height) for each in meant]
        held = len(places) >= fact.count and set(places) == {fact.position}
        results.append(FactResult("position", held, index))
    return results


def _check_relation(
    relation: RelationFact, facts: Facts, instances: Sequence[Instance], shape: tuple[int, ...]
) -> bool:
    """Whether some pair of what is meant stands in the relation."""
    subjects, others = (
        _meant(facts.objects[index], instances) for index in (relation.subject, relation.object)
    )
    least = LEAST_OFFSET * min(shape[:2])
    return any(
        stands_in_relation(one.center, relation.relation, other.center, least)
        for one in subjects
        for other in others
        if one is not other
    )


def _meant(fact: ObjectFact, instances: Sequence[Instance]) -> list[Instance]:
    """The things of a fact's name and color."""
    return [
        each for each in instances if each.name == fact.name and fact.color in (None, each.color)
    ]


def _color(image: np.ndarray, found: Detection, classify: Classifier) -> str:
    """The color of what is inside a box."""
    left, top, right, bottom = found.box
    rows = slice(math.floor(top), math.ceil(bottom))
    columns = slice(math.floor(left), math.ceil(right))
    crop = np.ascontiguousarray(image[rows, columns])
    return COLORS[classify(crop, [f"a {color} {found.name}" for color in COLORS])]
