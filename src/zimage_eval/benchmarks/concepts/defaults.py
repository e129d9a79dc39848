"""What a model draws if a prompt leaves an attribute open, compared with even shares."""

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
"""All values that each attribute can have in a drawn scene."""


class Default(NamedTuple):
    """The commonest value of an attribute in pictures whose prompt leaves the attribute open."""

    attribute: str
    num_images: int
    """Images in which the attribute has one of its values."""
    value: str | None
    """The commonest value; None if there are no images."""
    share: float | None
    low: float | None
    high: float | None
    """Ends of the 95 % interval of the share (Clopper and Pearson 1934)."""
    even_share: float
    p_value: float | None
    """Chance of a commonest value at least this common if no value's true share exceeded the even
    share plus the margin; adjusted for the number of attributes (Holm)."""


def unstated_in_scene(image: np.ndarray, facts: Facts) -> dict[str, str | None]:
    """What a drawn scene shows of each attribute that its prompt leaves open.

    Args:
        image: `(height, width, 3)` uint8.
        facts: facts of a prompt with one object. Color, size and fill are those of the largest
            detected object of that name; they are absent if no such object is detected.
    """
    scene = detect_scene(image)
    fact = facts.objects[0]
    named = next((detected for detected in scene.objects if detected.name == fact.name), None)
    shown: dict[str, str | None] = {"background": scene.background, "style": scene.style}
    if named is not None:
        shown |= {"color": named.color, "size": named.size, "fill": named.fill}
    stated = {**fact.model_dump(), "background": facts.background, "style": facts.style}
    return {attribute: value for attribute, value in shown.items() if stated[attribute] is None}


def find_defaults(
    pictures: Sequence[Mapping[str, str | None]],
    values: Mapping[str, Sequence[str]],
    margin: float,
) -> list[Default]:
    """The commonest value of each attribute, and whether it is clearly above its even share.

    The p-value is binomial, times the number of values, because any of them could be the commonest.
    Pictures count as independent draws, because two pictures of one prompt start from different
    noise.

    Args:
        pictures: what each picture shows of the attributes that its prompt leaves open.
        values: all values that each attribute can have.
        margin: how far the true share of a value may exceed its even share and still count as even.
    """
    defaults = []
    for attribute, allowed in values.items():
        shown = [picture.get(attribute) for picture in pictures]
        counts = Counter(value for value in shown if value is not None)
        total, even = sum(counts.values()), 1 / len(allowed)
        if not total:
            defaults.append(
                Default(
                    attribute=attribute,
                    num_images=0,
                    value=None,
                    share=None,
                    low=None,
                    high=None,
                    even_share=even,
                    p_value=None,
                )
            )
            continue
        # Among equally common values the first in the attribute's list.
        value = max(allowed, key=lambda candidate: counts[candidate])
        count = counts[value]
        low, high = stats.binomtest(count, total).proportion_ci(CONFIDENCE)
        chance = min(1.0, len(allowed) * float(stats.binom.sf(count - 1, total, even + margin)))
        defaults.append(
            Default(
                attribute=attribute,
                num_images=total,
                value=value,
                share=count / total,
                low=float(low),
                high=float(high),
                even_share=even,
                p_value=chance,
            )
        )
    tested = [default for default in defaults if default.p_value is not None]
    adjusted = holm([default.p_value for default in tested if default.p_value is not None])
    replaced = dict(zip((default.attribute for default in tested), adjusted, strict=True))
    return [default._replace(p_value=replaced.get(default.attribute)) for default in defaults]
