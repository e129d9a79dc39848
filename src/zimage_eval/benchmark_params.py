"""`benchmarks:` of params.yaml: what each benchmark measures, one type a benchmark."""

from typing import Annotated, TypeVar

from pydantic import Field

from zimage_eval.frozen import Frozen

Entry = TypeVar("Entry")


class ProbeConcepts(Frozen):
    """What `concept_probe`'s pictures lack and have unasked."""

    level: Annotated[float, Field(gt=0, lt=1)]
    """Chance of any false flag, among the pairs and again among the unsaid attributes."""
    margin: Annotated[float, Field(ge=0, lt=0.5)]
    """How far beyond an even share the commonest value of an attribute may be and not matter."""


class Benchmarks(Frozen):
    """One field a benchmark, under the name of its stage: `<name>: <Type> | None = None`."""

    probe_concepts: ProbeConcepts | None = None


def need(entry: Entry | None, name: str) -> Entry:
    """The entry of a benchmark; a ValueError if params.yaml leaves it out."""
    if entry is None:
        raise ValueError(f"params.yaml: benchmarks has no entry {name!r}")
    return entry
