"""What a model draws where a prompt leaves something unsaid, held against even shares."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.checking import detect_scene
from zimage_eval.prompts.scenes.world import BACKGROUNDS, COLORS, FILLS, SIZES, STYLES
from zimage_eval.statistics.estimates import CONFIDENCE
from zimage_eval.statistics.multiplicity import holm

SCENE_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "color": tuple(COLORS),
    "size": tuple(SIZES),
    "fill": FILLS,
    "background": tuple(BACKGROUNDS),
    "style": STYLES,
}
"""What each attribute can be in a drawn scene."""


class Default(NamedTuple):
    """An attribute where it is unsaid."""

    attribute: str
    num_images: int
    """Those in which it has one of its values."""
    value: str | None
    """The commonest; None if there are no images."""
    share: float | None
    low: float | None
    high: float | None
    """Of the 95 % interval of its share (Clopper and Pearson 1934)."""
    even_share: float
    p_value: float | None
    """Of a commonest value so common if none were beyond the even share and the margin, adjusted
    for the number of attributes (Holm)."""


def unsaid_in_scene(image: np.ndarray, facts: Facts) -> dict[str, str | None]:
    """What a drawn scene shows of each attribute that its prompt leaves unsaid.

    Args:
        image: `(height, width, 3)` uint8.
        facts: of one object. Its attributes are those of the largest one found of its name; there
            are none if no such object is found.
    """
    scene = detect_scene(image)
    fact = facts.objects[0]
    named = next((found for found in scene.objects if found.name == fact.name), None)
    seen: dict[str, str | None] = {"background": scene.background, "style": scene.style}
    if named is not None:
        seen |= {"color": named.color, "size": named.size, "fill": named.fill}
    said = {**fact.model_dump(), "background": facts.background, "style": facts.style}
    return {attribute: value for attribute, value in seen.items() if said[attribute] is None}


def find_defaults(
    seen: Sequence[Mapping[str, str | None]],
    values: Mapping[str, Sequence[str]],
    margin: float,
) -> list[Default]:
    """The commonest value of each attribute, and whether it is much more common than even shares.

    The chance is binomial, times the number of values because any of them could be the commonest
    one. Pictures count as independent draws: two of one prompt have noise of their own.

    Args:
        seen: what each picture shows of the attributes that are unsaid in it.
        values: all that each attribute can be.
        margin: how far beyond its even share a value may be and count as even, in shares.
    """
    found = []
    for attribute, allowed in values.items():
        shown = [picture.get(attribute) for picture in seen]
        counts = Counter(value for value in shown if value is not None)
        total, even = sum(counts.values()), 1 / len(allowed)
        if not total:
            found.append(Default(attribute, 0, None, None, None, None, even, None))
            continue
        # Among equals the first that the attribute lists.
        value = max(allowed, key=lambda each: counts[each])
        count = counts[value]
        low, high = stats.binomtest(count, total).proportion_ci(CONFIDENCE)
        chance = min(1.0, len(allowed) * float(stats.binom.sf(count - 1, total, even + margin)))
        found.append(
            Default(attribute, total, value, count / total, float(low), float(high), even, chance)
        )
    asked = [each for each in found if each.p_value is not None]
    adjusted = holm([each.p_value for each in asked if each.p_value is not None])
    replaced = dict(zip((each.attribute for each in asked), adjusted, strict=True))
    return [each._replace(p_value=replaced.get(each.attribute)) for each in found]
