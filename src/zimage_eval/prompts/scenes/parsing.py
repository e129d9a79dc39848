"""Facts of a scene from its caption: the wordings of `scene_captions`, read back."""

import itertools
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from zimage_eval.prompts.facts import Facts, ObjectFact, RelationFact
from zimage_eval.prompts.scenes.captions import (
    BACKGROUND_WORDS,
    CONVERSES,
    NUMBER_WORDS,
    POSITION_WORDS,
    RELATION_WORDS,
    STYLE_WORDS,
    noun,
)
from zimage_eval.prompts.scenes.world import BACKGROUNDS, COLORS, FILLS, NAMES, SIZES

_NUMBERS: Final = {"a": 1, "an": 1, "one": 1} | {word: n for n, word in NUMBER_WORDS.items()}
_NOUNS: Final = {
    noun(name, number).lower(): (name, number > 1) for name in NAMES for number in (1, 2)
}
_POSITIONS: Final = {words: position for position, words in POSITION_WORDS.items()}
_RELATIONS: Final = {
    words: relation for relation, phrases in RELATION_WORDS.items() for words in phrases
}


def _any(words: Iterable[str]) -> str:
    """A pattern for one of some words, the longest that fits."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_LEAD: Final = re.compile(r"an? (\w+ )?(picture|image|drawing) of ")
_OBJECT: Final = re.compile(
    rf"(?P<number>{_any(_NUMBERS)}) (?:(?P<size>{_any(SIZES)}) )?(?:(?P<fill>{_any(FILLS)}) )?"
    rf"(?:(?P<color>{_any(COLORS)}) )?(?P<noun>{_any(_NOUNS)})\b"
    rf"(?: (?P<position>{_any(_POSITIONS)})(?! side of)\b)?"
)
_LINK: Final = re.compile(rf",? and |, | (?P<relation>{_any(_RELATIONS)}) ")
_BACKGROUND: Final = re.compile(
    rf" (?:{'|'.join(words.format(f'(?:{_any(BACKGROUNDS)})') for words in BACKGROUND_WORDS)})$"
)


class CaptionParts(NamedTuple):
    """A caption of a scene, cut into the phrases that it consists of."""

    lead: str
    """"a picture of " or nothing."""
    objects: tuple[str, ...]
    """A phrase an object, or a kind of them that are counted."""
    links: tuple[str, ...]
    """What stands between two of these."""
    end: str
    """Background and style."""
    facts: Facts

    @property
    def without_lead(self) -> str:
        """The caption from its first object on."""
        pairs = zip(self.objects, (*self.links, self.end), strict=True)
        return "".join(itertools.chain(*pairs))


def parse_caption(text: str) -> Facts | None:
    """What a caption states, or None if it is no caption of a scene.

    Upper and lower case, repeated spaces and a period at the end make no difference. A relation is
    read as it is said; `scene_captions` may have said it the other way round.
    """
    parts = split_caption(text)
    return None if parts is None else parts.facts


def swap_objects(parts: CaptionParts) -> str:
    """The caption with its objects in the opposite order and each relation said from there.

    "A left of B, and C" becomes "C, and B right of A"; without a relation, commas stay in place. A
    caption of one object stays as it is.
    """
    links = parts.links
    if parts.facts.relations:
        links = tuple(_converse(link) for link in reversed(links))
    swapped = parts._replace(objects=parts.objects[::-1], links=links)
    return swapped.lead + swapped.without_lead


def split_caption(text: str) -> CaptionParts | None:
    """The phrases of a caption, or None if it is no caption of a scene; reads as `parse_caption`.

    They spell the caption, but for repeated spaces and the period.
    """
    written = " ".join(text.split()).removesuffix(".")
    text = written.lower()
    lead = _LEAD.match(text)
    start = place = lead.end() if lead else 0
    text, style = _strip_style(text)
    text, background = _strip_background(text)
    objects: list[ObjectFact] = []
    relations: list[RelationFact] = []
    phrases: list[str] = []
    links: list[str] = []
    while True:
        said = _OBJECT.match(text, place)
        fact = _object_fact(said) if said else None
        if said is None or fact is None:
            return None
        objects.append(fact)
        phrases.append(written[place : said.end()])
        if said.end() == len(text):
            facts = Facts(
                objects=tuple(objects),
                relations=tuple(relations),
                background=background,
                style=style,
            )
            return CaptionParts(
                written[:start], tuple(phrases), tuple(links), written[len(text) :], facts
            )
        link = _LINK.match(text, said.end())
        if link is None:
            return None
        if link["relation"]:
            pair = {"subject": len(objects) - 1, "object": len(objects)}
            relations.append(
                RelationFact.model_validate({**pair, "relation": _RELATIONS[link["relation"]]})
            )
        place = link.end()
        links.append(written[said.end() : place])


def _converse(link: str) -> str:
    """What stands between two objects, said from the other one."""
    relation = _RELATIONS.get(link.strip().lower())
    if relation is None:
        return link
    place = RELATION_WORDS[relation].index(link.strip().lower())
    return f" {RELATION_WORDS[CONVERSES[relation]][place]} "


class _Rest(NamedTuple):
    text: str
    found: str | None


def _object_fact(said: re.Match[str]) -> ObjectFact | None:
    """The object that a phrase names; None for "a stars" or "two star"."""
    name, is_plural = _NOUNS[said["noun"]]
    count = _NUMBERS[said["number"]]
    if is_plural is (count == 1):
        return None
    return ObjectFact(
        name=name,
        color=said["color"],
        size=said["size"],
        fill=said["fill"],
        position=_POSITIONS[said["position"]] if said["position"] else None,
        count=count,
    )


def _strip_style(text: str) -> _Rest:
    for style, words in STYLE_WORDS.items():
        if text.endswith(f" {words}"):
            return _Rest(text.removesuffix(f" {words}"), style)
    return _Rest(text, None)


def _strip_background(text: str) -> _Rest:
    match = _BACKGROUND.search(text)
    if match is None:
        return _Rest(text, None)
    return _Rest(text[: match.start()], next(name for name in BACKGROUNDS if name in match[0]))
