"""Parsing captions of scenes: the facts and phrases of every wording that `captions` writes."""

import itertools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

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

if TYPE_CHECKING:
    from zimage_eval.prompts.sets import Prompt

_NUMBERS: Final = {"a": 1, "an": 1, "one": 1} | {word: n for n, word in NUMBER_WORDS.items()}
_NOUNS: Final = {
    noun(name, number).lower(): (name, number > 1) for name in NAMES for number in (1, 2)
}
_POSITIONS: Final = {words: position for position, words in POSITION_WORDS.items()}
_RELATIONS: Final = {
    words: relation for relation, phrases in RELATION_WORDS.items() for words in phrases
}


def _any_of(words: Iterable[str]) -> str:
    """A regular expression for any of the words; the longest that fits is matched."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_LEAD: Final = re.compile(r"an? (\w+ )?(picture|image|drawing) of ")
_OBJECT: Final = re.compile(
    rf"(?P<number>{_any_of(_NUMBERS)}) (?:(?P<size>{_any_of(SIZES)}) )?"
    rf"(?:(?P<fill>{_any_of(FILLS)}) )?(?:(?P<color>{_any_of(COLORS)}) )?"
    rf"(?P<noun>{_any_of(_NOUNS)})\b"
    rf"(?: (?P<position>{_any_of(_POSITIONS)})(?! side of)\b)?"
)
_LINK: Final = re.compile(rf",? and |, | (?P<relation>{_any_of(_RELATIONS)}) ")
_BACKGROUND: Final = re.compile(
    rf" (?:{'|'.join(words.format(f'(?:{_any_of(BACKGROUNDS)})') for words in BACKGROUND_WORDS)})$"
)


class CaptionParts(NamedTuple):
    """A caption of a scene, cut into its phrases."""

    lead: str
    """"a picture of " and the like, or empty."""
    objects: tuple[str, ...]
    """A phrase for each object, or for a counted group of objects."""
    links: tuple[str, ...]
    """The text between two object phrases, such as ", and " or " left of "."""
    end: str
    """The text after the last object: background and style."""
    facts: Facts

    @property
    def without_lead(self) -> str:
        """The caption from its first object on."""
        pairs = zip(self.objects, (*self.links, self.end), strict=True)
        return "".join(itertools.chain(*pairs))


def parse_caption(text: str) -> Facts | None:
    """The facts that a caption states, or None if it is no caption of a scene.

    Upper and lower case, repeated spaces and a period at the end make no difference. A relation is
    returned as the caption states it, which may be the converse of the one it was written for.
    """
    parts = split_caption(text)
    return None if parts is None else parts.facts


def facts_of_text(text: str, prompts: Iterable["Prompt"]) -> Facts | None:
    """The facts of the prompt with this text, else those that the text states as a caption."""
    facts = {prompt.text: prompt.facts for prompt in prompts}
    return facts.get(text) or parse_caption(text)


def swap_objects(parts: CaptionParts) -> str:
    """The caption with its objects in the opposite order; each relation becomes its converse.

    "A left of B, and C" becomes "C, and B right of A"; without a relation, commas stay in place. A
    caption of one object stays as it is.
    """
    links = parts.links
    if parts.facts.relations:
        links = tuple(_converse(link) for link in reversed(links))
    swapped = parts._replace(objects=parts.objects[::-1], links=links)
    return swapped.lead + swapped.without_lead


def split_caption(text: str) -> CaptionParts | None:
    """The phrases of a caption, or None if it is no caption of a scene.

    Put together they give the caption, but for repeated spaces and a period at the end. Case,
    spaces and period are treated as in `parse_caption`.
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
        match = _OBJECT.match(text, place)
        fact = _object_fact(match) if match else None
        if match is None or fact is None:
            return None
        objects.append(fact)
        phrases.append(written[place : match.end()])
        if match.end() == len(text):
            facts = Facts(
                objects=tuple(objects),
                relations=tuple(relations),
                background=background,
                style=style,
            )
            return CaptionParts(
                lead=written[:start],
                objects=tuple(phrases),
                links=tuple(links),
                end=written[len(text) :],
                facts=facts,
            )
        link = _LINK.match(text, match.end())
        if link is None:
            return None
        if link["relation"]:
            pair = {"subject": len(objects) - 1, "object": len(objects)}
            relations.append(
                RelationFact.model_validate({**pair, "relation": _RELATIONS[link["relation"]]})
            )
        place = link.end()
        links.append(written[match.end() : place])


def _converse(link: str) -> str:
    """The text between two objects, with the converse relation in the same phrasing."""
    relation = _RELATIONS.get(link.strip().lower())
    if relation is None:
        return link
    place = RELATION_WORDS[relation].index(link.strip().lower())
    return f" {RELATION_WORDS[CONVERSES[relation]][place]} "


class _Stripped(NamedTuple):
    """A caption without its last phrase."""

    text: str
    value: str | None
    """The style or background that the phrase named; None if there was no such phrase."""


def _object_fact(match: re.Match[str]) -> ObjectFact | None:
    """The object fact that a phrase states; None for "a stars" or "two star"."""
    name, is_plural = _NOUNS[match["noun"]]
    count = _NUMBERS[match["number"]]
    if is_plural is (count == 1):
        return None
    return ObjectFact(
        name=name,
        color=match["color"],
        size=match["size"],
        fill=match["fill"],
        position=_POSITIONS[match["position"]] if match["position"] else None,
        count=count,
    )


def _strip_style(text: str) -> _Stripped:
    for style, words in STYLE_WORDS.items():
        if text.endswith(f" {words}"):
            return _Stripped(text.removesuffix(f" {words}"), style)
    return _Stripped(text, None)


def _strip_background(text: str) -> _Stripped:
    match = _BACKGROUND.search(text)
    if match is None:
        return _Stripped(text, None)
    return _Stripped(text[: match.start()], next(name for name in BACKGROUNDS if name in match[0]))
