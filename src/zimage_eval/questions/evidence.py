"""What measurements say for and against a claim, and the file that keeps it.

Evidence is two p-values, one if the claim is false (small supports it), one if it is true (small
refutes it), each to be compared with 5 %.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, TypeAdapter

from zimage_eval.config.frozen import Frozen
from zimage_eval.output.results import read_json
from zimage_eval.questions.contrasts import Kind
from zimage_eval.statistics.estimates import rounded

ALPHA = 0.05


class Place(NamedTuple):
    """A claim's place: the page, and `weights`, `design` or the number of a sub-question."""

    page: str
    part: str


class RivalResult(NamedTuple):
    """What was seen of one rival: its gain over the baseline with the 95 % interval."""

    variant: str
    kind: Kind
    gain: float | None
    """Above 0 is better, or higher for a metric of which neither end is better."""
    low: float | None
    high: float | None


class Evidence(NamedTuple):
    """Two p-values, and what they rest on."""

    status: Literal["weighed", "exact", "inconclusive", "not_testable"]
    """Exact is what was read off by equality: nothing to correct for."""
    p_if_false: float
    """How likely data as favorable are if the claim is false: small supports it. 1 where that can't
    be tested."""
    p_if_true: float
    """How likely data as unfavorable are if the claim is true: small refutes it."""
    reason: str
    """Why it could not be weighed, or which rivals could not."""
    num_prompts: int
    """The fewest of any rival."""
    named: tuple[str, ...] = ()
    """Rivals that are better or differ, each at 5 % after Holm over the rivals; of a grid, the
    variants that may be the best."""
    rivals: tuple[RivalResult, ...] = ()
    """One a rival, in the order of the claim."""


class _StoredRival(Frozen):
    variant: str
    kind: Kind
    gain: float | None
    low: float | None
    high: float | None


class _StoredEvidence(Frozen):
    """`Evidence` as it is in a file."""

    status: Literal["weighed", "exact", "inconclusive", "not_testable"]
    p_if_false: Annotated[float, Field(ge=0, le=1)]
    p_if_true: Annotated[float, Field(ge=0, le=1)]
    reason: str
    num_prompts: Annotated[int, Field(ge=0)]
    named: list[str]
    rivals: list[_StoredRival]


def exact(
    *,
    holds: bool,
    num_values: int,
    named: tuple[str, ...] = (),
    rivals: tuple[RivalResult, ...] = (),
) -> Evidence:
    """Evidence read off numbers that have no error: sure of either side."""
    return Evidence(
        status="exact",
        p_if_false=float(not holds),
        p_if_true=float(holds),
        reason="",
        num_prompts=num_values,
        named=named,
        rivals=rivals,
    )


def not_testable(why: str) -> Evidence:
    """Evidence for a claim that nothing here can decide."""
    return Evidence(status="not_testable", p_if_false=1.0, p_if_true=1.0, reason=why, num_prompts=0)


def inconclusive(why: str, num_prompts: int = 0) -> Evidence:
    """Evidence for a claim whose data decide nothing, measured on that many prompts."""
    return Evidence(
        status="inconclusive", p_if_false=1.0, p_if_true=1.0, reason=why, num_prompts=num_prompts
    )


FROZEN_WEIGHTS = not_testable("a sweep over frozen weights can't say: needs a training ablation")
"""The verdict on a design where no training was varied."""


def write_evidence(path: Path, evidence: Mapping[Place, Evidence]) -> None:
    """Evidence by page and part, numbers to six digits: equal evidence gives equal bytes."""
    pages: dict[str, dict[str, Any]] = {}
    for place, weighed in evidence.items():
        rivals = [
            rival._asdict() | {key: rounded(getattr(rival, key)) for key in ("gain", "low", "high")}
            for rival in weighed.rivals
        ]
        p_values = {key: rounded(getattr(weighed, key)) for key in ("p_if_false", "p_if_true")}
        pages.setdefault(place.page, {})[place.part] = (
            weighed._asdict() | p_values | {"rivals": rivals}
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(pages, indent=1, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_full_evidence(folder: Path, model: str) -> dict[Place, Evidence]:
    """Evidence from a study of full size of that model; empty where none was run."""
    path = folder / f"{model}.json"
    return read_evidence(path) if path.is_file() else {}


def read_evidence(path: Path) -> dict[Place, Evidence]:
    """What `write_evidence` wrote; a ValueError with the file's name if it did not."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file; `dvc repro weigh_claims` writes it")
    pages = read_json(path, TypeAdapter(dict[str, dict[str, _StoredEvidence]]))
    return {
        Place(page, part): Evidence(
            status=stored.status,
            p_if_false=stored.p_if_false,
            p_if_true=stored.p_if_true,
            reason=stored.reason,
            num_prompts=stored.num_prompts,
            named=tuple(stored.named),
            rivals=tuple(RivalResult(**rival.model_dump()) for rival in stored.rivals),
        )
        for page, parts in pages.items()
        for part, stored in parts.items()
    }
