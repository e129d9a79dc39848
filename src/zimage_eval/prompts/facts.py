"""Facts a prompt states about its picture, and what a judge found of each."""

from collections.abc import Collection, Mapping
from typing import Annotated, NamedTuple, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from zimage_eval.config.benchmarks import Relation
from zimage_eval.config.frozen import first_problem, unknown
from zimage_eval.config.kinds import FactKind
from zimage_eval.config.model_spec import JudgeName
from zimage_eval.prompts.scenes.world import (
    BACKGROUNDS,
    COLORS,
    FILLS,
    MAX_FOUND_OBJECTS,
    NAMES,
    POSITIONS,
    SIZES,
    STYLES,
)

MAX_COUNT = 100
"""Things of one kind that a prompt may state: nobody counts more in a picture."""
DETECTED_COLORS = (
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
"""That a thing found by a detector is given one of."""
DETECTED_STYLES = (
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
    "charcoal drawing",
    "clay model",
    "embroidery",
    "ink wash painting",
    "mosaic",
    "paper cutout",
)
"""The media that a picture is told apart by, where a detector judges."""
KNOWN_WORDS: Mapping[JudgeName, Mapping[str, Collection[str]]] = {
    "scenes": {
        "name": NAMES,
        "color": COLORS,
        "size": SIZES,
        "fill": FILLS,
        "position": POSITIONS,
        "background": BACKGROUNDS,
        "style": STYLES,
    },
    "detector": {"color": DETECTED_COLORS, "position": POSITIONS, "style": DETECTED_STYLES},
    "vlm": {"position": POSITIONS},
    "hand_labels": {},
    "none": {},
}
"""The words that each judge can find to hold, by the key they stand under; a key that is left out
takes any word: the judge does not look for it, or by whatever name it has."""


def _known_relation(value: object) -> object:
    if value not in get_args(Relation):
        raise ValueError(f"no relation is {unknown(value, get_args(Relation))}")
    return value


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ObjectFact(_Frozen):
    """One kind of thing in the picture; an attribute left out is not asked for."""

    name: str
    """Shape or letter of a scene, noun of a natural prompt."""
    color: str | None = None
    size: str | None = None
    fill: str | None = None
    position: str | None = None
    """Where in the picture, as the viewer sees it: left, right, top, bottom, center."""
    count: int = Field(default=1, ge=1, le=MAX_COUNT)


class RelationFact(_Frozen):
    """`subject` stands in `relation` to `object`, as the viewer sees it."""

    subject: int = Field(ge=0)
    """Index into `Facts.objects`."""
    relation: Annotated[Relation, BeforeValidator(_known_relation)]
    object: int = Field(ge=0)
    """Index into `Facts.objects`."""


class Facts(_Frozen):
    """All that a prompt states and a picture can be checked for."""

    objects: tuple[ObjectFact, ...] = Field(min_length=1, strict=False)
    relations: tuple[RelationFact, ...] = Field(default=(), strict=False)
    background: str | None = None
    style: str | None = None

    @model_validator(mode="after")
    def _relations_name_objects(self) -> Self:
        for relation in self.relations:
            for index in (relation.subject, relation.object):
                if index >= len(self.objects):
                    raise ValueError(
                        f"relation names object {index}, there are {len(self.objects)} objects"
                    )
            if relation.subject == relation.object:
                raise ValueError(f"object {relation.subject} can't stand in relation to itself")
        pairs = [
            (
                frozenset((relation.subject, relation.object)),
                relation.relation in ("above", "below"),
            )
            for relation in self.relations
        ]
        if len(set(pairs)) < len(pairs):
            raise ValueError(
                "relations: two of them are of the same objects and direction: they say the same, "
                "or can't both hold"
            )
        return self


def check_words(facts: Facts, judge: JudgeName) -> None:
    """Refuse what a judge can't know, for it would say of every picture that it does not hold.

    Raises:
        ValueError: a word is none of the judge's, or there are more things than it tells apart;
            names the fact and the nearest word.
    """
    words = KNOWN_WORDS[judge]
    for index, fact in enumerate(facts.objects):
        for kind in ("name", "color", "size", "fill", "position"):
            _check_word(f"objects.{index}.{kind}", getattr(fact, kind), words.get(kind))
    for kind in ("background", "style"):
        _check_word(kind, getattr(facts, kind), words.get(kind))
    total = sum(fact.count for fact in facts.objects)
    if judge == "scenes" and total > MAX_FOUND_OBJECTS:
        raise ValueError(
            f"facts.objects: {total} things in all; judge 'scenes' tells {MAX_FOUND_OBJECTS} apart"
        )


def read_facts(text: str, judge: JudgeName) -> Facts:
    """Facts from JSON with the keys of prompts/scenes/*.yaml.

    Raises:
        ValueError: the text is no such JSON, or the judge can't know a fact; one line.
    """
    try:
        facts = Facts.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error
    check_words(facts, judge)
    return facts


def _check_word(where: str, value: str | None, words: Collection[str] | None) -> None:
    if value is not None and words is not None and value not in words:
        raise ValueError(f"facts.{where}: the judge knows no {unknown(value, words)}")


def facts_in_words(facts: Facts) -> dict[str, str]:
    """Each fact that some judge looks for, in words, by its `FactResult.name`."""
    words = {}
    for index, fact in enumerate(facts.objects):
        words[f"shape {index}"] = fact.name
        for kind in ("color", "size", "fill"):
            value = getattr(fact, kind)
            if value is not None:
                words[f"{kind} {index}"] = f"{value} {fact.name}"
        if fact.position is not None:
            words[f"position {index}"] = f"{fact.name} at {fact.position}"
        words[f"count {index}"] = " ".join(filter(None, (str(fact.count), fact.color, fact.name)))
    for index, relation in enumerate(facts.relations):
        subject, other = facts.objects[relation.subject], facts.objects[relation.object]
        verb = relation.relation.replace("_", " ")
        words[f"relation {index}"] = f"{subject.name} {verb} {other.name}"
    words["count"] = f"{sum(fact.count for fact in facts.objects)} in all"
    words |= {kind: value for kind in ("background", "style") if (value := getattr(facts, kind))}
    return words


class FactResult(NamedTuple):
    """Whether one fact holds in a picture."""

    kind: FactKind
    held: bool
    subject: int | None = None
    """Index of the object or relation that the fact is about; None for the picture as a whole."""
    probability: float | None = None
    """That it holds, in [0, 1]; None from a judge that only says yes or no."""

    @property
    def score(self) -> float:
        """The probability where the judge gives one, else 1 if it holds and 0 if not."""
        return self.held if self.probability is None else self.probability

    @property
    def name(self) -> str:
        """What tells it from the picture's other facts: `color 0`, `background`."""
        return self.kind if self.subject is None else f"{self.kind} {self.subject}"
