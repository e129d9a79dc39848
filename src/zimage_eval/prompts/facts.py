"""Facts a prompt states about its picture, and what a judge found of each."""

from typing import Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FactKind = Literal[
    "shape", "color", "size", "fill", "position", "count", "relation", "background", "style"
]
FACT_KINDS: tuple[FactKind, ...] = (
    "shape",
    "color",
    "size",
    "fill",
    "position",
    "count",
    "relation",
    "background",
    "style",
)


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
    count: int = Field(default=1, ge=1)


class RelationFact(_Frozen):
    """`subject` stands in `relation` to `object`, as the viewer sees it."""

    subject: int = Field(ge=0)
    """Index into `Facts.objects`."""
    relation: Literal["left_of", "right_of", "above", "below"]
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
        return self


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

    @property
    def name(self) -> str:
        """What tells it from the picture's other facts: `color 0`, `background`."""
        return self.kind if self.subject is None else f"{self.kind} {self.subject}"
