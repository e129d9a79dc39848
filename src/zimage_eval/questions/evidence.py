"""The words that measurements may earn a claim, and the file that keeps them.

Evidence is a ladder of words, strongest first; each answers what the claim asks with yes or no,
from a level on. Which word is said follows from the level at which a report reads it (`verdicts`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, TypeAdapter

from zimage_eval.config.frozen import Frozen
from zimage_eval.output.results import read_json, write_json
from zimage_eval.statistics.estimates import rounded

Says = Literal["yes", "no"]


class Place(NamedTuple):
    """A claim's place: the page, and `weights`, `design` or the number of a sub-question."""

    page: str
    part: str


class RivalResult(NamedTuple):
    """What was seen of one rival: its gain over the baseline with the 95 % interval."""

    variant: str
    word: str
    """On this rival alone, at 5 %: one of `words.gain_words`, or "open"."""
    gain: float | None
    """Above 0 is better, or higher for a metric of which neither end is better."""
    low: float | None
    high: float | None
    saves: float | None = None
    """Forwards an image that it takes less than the baseline; None where that is not known."""


class GradedRung(NamedTuple):
    """A word that the results may earn, and what it answers."""

    word: str
    says: Says
    """To what the claim asks."""
    p_value: float
    """Earned at every level from this on."""
    is_full: bool
    """False for a word that leaves a border of the truth open."""
    named: tuple[tuple[str, float], ...] = ()
    """Arms or kinds that the word is about, each with the level from which on it is named."""
    number_of: str = ""
    """The rival whose number decides; empty where no single one does."""

    def names(self, level: float) -> tuple[str, ...]:
        """The arms that are named at a level, in order."""
        return tuple(name for name, p_value in self.named if p_value <= level)


class Evidence(NamedTuple):
    """The words that a claim may earn, and what they rest on."""

    status: Literal["weighed", "exact", "inconclusive", "not_testable"]
    """Exact is what was read off by equality: nothing to correct for."""
    rungs: tuple[GradedRung, ...]
    """Strongest first; empty where nothing can be concluded."""
    reason: str
    """Why it could not be weighed, or which rivals could not."""
    num_prompts: int
    """The fewest of any rival."""
    baseline: str = ""
    """What rivals are compared with."""
    margin: float | None = None
    """What matters, in the unit of the gains."""
    rivals: tuple[RivalResult, ...] = ()
    """One a rival, in the order of the claim."""
    sets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Kind of prompts, or "all" -> the levels that may be the best in it (95 %)."""
    leaves_open: tuple[tuple[str, float], ...] = ()
    """Arms that leave the question open at every level below the one given, the weightiest first.
    """
    closest: str = ""
    """The rival whose number is shown where no word is earned."""
    num_needed: int | None = None
    """Prompts with which a true 0 and a true difference of the margin are told apart (80 %)."""


class _StoredRival(Frozen):
    variant: str
    word: str
    gain: float | None
    low: float | None
    high: float | None
    saves: float | None


class _StoredRung(Frozen):
    word: str
    says: Says
    p_value: Annotated[float, Field(ge=0, le=1)]
    is_full: bool
    named: dict[str, float]
    number_of: str


class _StoredEvidence(Frozen):
    """`Evidence` as it is in a file."""

    status: Literal["weighed", "exact", "inconclusive", "not_testable"]
    rungs: list[_StoredRung]
    reason: str
    num_prompts: Annotated[int, Field(ge=0)]
    baseline: str
    margin: float | None
    rivals: list[_StoredRival]
    sets: dict[str, list[str]]
    leaves_open: dict[str, float]
    closest: str
    num_needed: int | None


def exact(
    *,
    holds: bool,
    num_values: int,
    named: tuple[str, ...] = (),
    rivals: tuple[RivalResult, ...] = (),
) -> Evidence:
    """Evidence read off numbers that have no error: sure of either side."""
    rung = GradedRung(
        word="holds" if holds else "fails",
        says="yes" if holds else "no",
        p_value=0.0,
        is_full=True,
        named=tuple((name, 0.0) for name in named),
        number_of=rivals[0].variant if rivals else "",
    )
    return Evidence(
        status="exact",
        rungs=(rung,),
        reason="",
        num_prompts=num_values,
        rivals=rivals,
    )


def not_testable(why: str) -> Evidence:
    """Evidence for a claim that nothing here can decide."""
    return Evidence(status="not_testable", rungs=(), reason=why, num_prompts=0)


def inconclusive(why: str, num_prompts: int = 0) -> Evidence:
    """Evidence for a claim whose data decide nothing, measured on that many prompts."""
    return Evidence(status="inconclusive", rungs=(), reason=why, num_prompts=num_prompts)


FROZEN_WEIGHTS = not_testable("a sweep over frozen weights can't say: needs a training ablation")
"""The verdict on a design where no training was varied."""


def largest_evidence(
    evidence: Mapping[Place, Evidence], full: Mapping[Place, Evidence]
) -> dict[Place, Evidence]:
    """Evidence by claim: of full size where that was weighed, else as it is."""
    return {
        place: full[place] if place in full and full[place].status == "weighed" else small
        for place, small in evidence.items()
    }


def write_evidence(path: Path, evidence: Mapping[Place, Evidence]) -> None:
    """Evidence by page and part, numbers to six digits: equal evidence gives equal bytes."""
    pages: dict[str, dict[str, Any]] = {}
    for place, weighed in evidence.items():
        pages.setdefault(place.page, {})[place.part] = _stored(weighed)
    write_json(path, pages, indent=1, sort_keys=False)


def read_full_evidence(folder: Path, model: str) -> dict[Place, Evidence]:
    """Evidence from a study of full size of that model; empty where none was run."""
    path = folder / f"{model}.json"
    return read_evidence(path) if path.is_file() else {}


def read_evidence(path: Path) -> dict[Place, Evidence]:
    """What `write_evidence` wrote; a ValueError with the file's name if it did not."""
    adapter = TypeAdapter(dict[str, dict[str, _StoredEvidence]])
    pages = read_json(path, adapter, "no such file; `dvc repro weigh_claims` writes it")
    return {
        Place(page, part): _restored(stored)
        for page, parts in pages.items()
        for part, stored in parts.items()
    }


def _stored(weighed: Evidence) -> dict[str, Any]:
    rungs = [
        rung._asdict() | {"p_value": rounded(rung.p_value), "named": _rounded_levels(rung.named)}
        for rung in weighed.rungs
    ]
    numbers = ("gain", "low", "high", "saves")
    rivals = [
        rival._asdict() | {key: rounded(getattr(rival, key)) for key in numbers}
        for rival in weighed.rivals
    ]
    return weighed._asdict() | {
        "rungs": rungs,
        "margin": rounded(weighed.margin),
        "rivals": rivals,
        "sets": dict(weighed.sets),
        "leaves_open": _rounded_levels(weighed.leaves_open),
    }


def _rounded_levels(levels: tuple[tuple[str, float], ...]) -> dict[str, float | None]:
    return {name: rounded(level) for name, level in levels}


def _restored(stored: _StoredEvidence) -> Evidence:
    rungs = tuple(
        GradedRung(**rung.model_dump() | {"named": tuple(rung.named.items())})
        for rung in stored.rungs
    )
    fields = dict(stored) | {
        "rungs": rungs,
        "rivals": tuple(RivalResult(**rival.model_dump()) for rival in stored.rivals),
        "sets": tuple((kind, tuple(levels)) for kind, levels in stored.sets.items()),
        "leaves_open": tuple(stored.leaves_open.items()),
    }
    return Evidence(**fields)
