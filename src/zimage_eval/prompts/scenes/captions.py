"""Captions of scenes: a scene in words, in several phrasings, with some attributes left out."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zimage_eval.prompts.facts import Facts, ObjectFact, RelationFact
from zimage_eval.prompts.scenes.layout import PlannedScene
from zimage_eval.prompts.scenes.world import LETTERS

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
STYLE_WORDS: Final = {
    "framed": "in a frame",
    "dotted": "on dotted paper",
    "plain": "on plain paper",
}
CONVERSES: Final = {
    "left_of": "right_of",
    "right_of": "left_of",
    "above": "below",
    "below": "above",
}
_CONVERSE_SHARE: Final = 0.25
"""Share of the captions that state the converse relation: B right of A for A left of B."""
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


def noun(name: str, number: int) -> str:
    """The words for one object of a name, or for several: "star", "stars", "letters H"."""
    if name in LETTERS:
        return f"letter {name}" if number == 1 else f"letters {name}"
    return name if number == 1 else _PLURALS.get(name, f"{name}s")


def _word_object(fact: ObjectFact) -> str:
    adjectives = [word for word in (fact.size, fact.fill, fact.color) if word]
    phrase = " ".join([*adjectives, noun(fact.name, fact.count)])
    if fact.count > 1:
        phrase = f"{NUMBER_WORDS[fact.count]} {phrase}"
    else:
        phrase = f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"
    return f"{phrase} {POSITION_WORDS[fact.position]}" if fact.position else phrase


def _word_objects(
    facts: Facts, relation_words: Mapping[str, tuple[str, ...]], rng: random.Random
) -> str:
    phrases = [_word_object(fact) for fact in facts.objects]
    if not facts.relations:
        listed = ", ".join(phrases[:-1])
        return f"{listed} and {phrases[-1]}" if listed else phrases[-1]
    relation = facts.relations[0]
    subject, landmark = phrases.pop(0), phrases.pop(0)
    if rng.random() < _CONVERSE_SHARE:
        related = f"{landmark} {rng.choice(relation_words[CONVERSES[relation.relation]])} {subject}"
    else:
        related = f"{subject} {rng.choice(relation_words[relation.relation])} {landmark}"
    return ", and ".join([related, *phrases])


def word_caption(
    facts: Facts,
    rng: random.Random,
    *,
    lead: str | None = None,
    relation_words: Mapping[str, tuple[str, ...]] = RELATION_WORDS,
) -> str:
    """A caption that states the facts of a scene; `rng` chooses among the phrasings.

    Args:
        facts: with at most one relation, of object 0 to object 1; the caption may state it the
            other way round.
        rng: decides the phrasing.
        lead: words before the description; None picks one of `LEADS`.
        relation_words: phrasings of each relation.
    """
    text = " ".join([_word_objects(facts, relation_words, rng), *word_setting(facts, rng)])
    return (rng.choice(LEADS) if lead is None else lead) + text


def word_setting(facts: Facts, rng: random.Random) -> list[str]:
    """Phrases for the background and the style, as far as the facts state them."""
    phrases = []
    if facts.background:
        phrases.append(rng.choice(BACKGROUND_WORDS).format(facts.background))
    if facts.style:
        phrases.append(STYLE_WORDS[facts.style])
    return phrases


def state_facts(planned: PlannedScene, shares: StatedShares, rng: random.Random) -> Facts:
    """The facts that a caption of the scene states.

    Relation and position are always stated, every other attribute with the chance in `shares`.
    """
    scene, is_count = planned.scene, planned.category == "count"
    objects = tuple(
        # Not validated: training words hundreds of thousands of scenes.
        ObjectFact.model_construct(
            name=o.name,
            color=o.color if rng.random() < shares.color else None,
            size=o.size if rng.random() < shares.size else None,
            fill=o.fill if rng.random() < shares.fill else None,
            position=planned.position if slot == 0 else None,
            count=len(scene.objects) if is_count else 1,
        )
        for slot, o in enumerate(scene.objects[:1] if is_count else scene.objects)
    )
    relations: tuple[RelationFact, ...] = ()
    if planned.relation:
        relations = (RelationFact.model_construct(subject=0, relation=planned.relation, object=1),)
    return Facts.model_construct(
        objects=objects,
        relations=relations,
        background=scene.background if rng.random() < shares.background else None,
        style=scene.style if rng.random() < shares.style else None,
    )
