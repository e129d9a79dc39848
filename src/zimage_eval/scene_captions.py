"""Scenes in words: several phrasings, some attributes left unsaid."""

import random
from dataclasses import dataclass
from typing import Final

from zimage_eval.facts import Facts, ObjectFact, RelationFact
from zimage_eval.scene_sampling import PlannedScene
from zimage_eval.scenes import LETTERS, SceneObject

LEADS: Final = ("", "a picture of ", "an image of ", "a drawing of ")
RELATION_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "left_of": ("left of", "to the left of", "on the left side of"),
    "right_of": ("right of", "to the right of", "on the right side of"),
    "above": ("above", "over"),
    "below": ("below", "under"),
}
POSITION_WORDS: Final = {
    "left": "on the left",
    "right": "on the right",
    "top": "at the top",
    "bottom": "at the bottom",
    "center": "in the center",
}
BACKGROUND_WORDS: Final = (
    "on a {} background",
    "against a {} backdrop",
    "with a {} background",
)
STYLE_WORDS: Final = {"framed": "in a frame", "dotted": "on dotted paper", "plain": "on plain paper"}
NUMBER_WORDS: Final = {2: "two", 3: "three"}
_PLURALS: Final = {"cross": "crosses"}


@dataclass(frozen=True, slots=True)
class StatedShares:
    """How often a caption states an attribute, each in [0, 1]."""

    color: float
    size: float
    fill: float
    background: float
    style: float


@dataclass(frozen=True, slots=True)
class Caption:
    """Words for a scene and the facts they state."""

    text: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class _Said:
    """An object with the attributes that the caption leaves unsaid set to None."""

    name: str
    color: str | None
    size: str | None
    fill: str | None

    def words(self, number: int = 1) -> str:
        adjectives = [word for word in (self.size, self.fill, self.color) if word]
        noun = self.name
        if self.name in LETTERS:
            noun = f"letter {self.name}" if number == 1 else f"letters {self.name}"
        elif number > 1:
            noun = _PLURALS.get(self.name, f"{self.name}s")
        phrase = " ".join([*adjectives, noun])
        if number > 1:
            return f"{NUMBER_WORDS[number]} {phrase}"
        return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _say(o: SceneObject, shares: StatedShares, rng: random.Random) -> _Said:
    return _Said(
        name=o.name,
        color=o.color if rng.random() < shares.color else None,
        size=o.size if rng.random() < shares.size else None,
        fill=o.fill if rng.random() < shares.fill else None,
    )


def _join(phrases: list[str], relation: str | None) -> str:
    if len(phrases) == 1:
        return phrases[0]
    if relation is None:
        return f"{', '.join(phrases[:-1])} and {phrases[-1]}"
    related = f"{phrases[0]} {relation} {phrases[1]}"
    return ", and ".join([related, *phrases[2:]])


def word_scene(
    planned: PlannedScene,
    shares: StatedShares,
    rng: random.Random,
    *,
    lead: str | None = None,
    relation_words: dict[str, tuple[str, ...]] = RELATION_WORDS,
) -> Caption:
    """One caption of a scene; its relation and position are always stated.

    Args:
        planned: the scene and what it was laid out for.
        shares: how often attributes are stated.
        rng: decides the phrasing.
        lead: words before the description; None picks one of `LEADS`.
        relation_words: phrasings of each relation.
    """
    scene = planned.scene
    is_count = planned.category == "count"
    said = [_say(o, shares, rng) for o in (scene.objects[:1] if is_count else scene.objects)]
    number = len(scene.objects) if is_count else 1
    relation = planned.relation
    phrase = rng.choice(relation_words[relation]) if relation else None
    text = _join([s.words(number) for s in said], phrase)
    if planned.position:
        text += f" {POSITION_WORDS[planned.position]}"
    background = scene.background if rng.random() < shares.background else None
    style = scene.style if rng.random() < shares.style else None
    if background:
        text += f" {rng.choice(BACKGROUND_WORDS).format(background)}"
    if style:
        text += f" {STYLE_WORDS[style]}"
    text = (rng.choice(LEADS) if lead is None else lead) + text
    objects = tuple(
        ObjectFact.model_construct(
            name=s.name,
            color=s.color,
            size=s.size,
            fill=s.fill,
            position=planned.position if slot == 0 else None,
            count=number,
        )
        for slot, s in enumerate(said)
    )
    relations = (
        (RelationFact.model_construct(subject=0, relation=relation, object=1),) if relation else ()
    )
    facts = Facts.model_construct(
        objects=objects, relations=relations, background=background, style=style
    )
    return Caption(text, facts)
