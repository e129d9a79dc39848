"""Verdicts on the claims of a report, corrected for how many there are; none is typed by hand.

Holm's procedure over the claims bounds the chance of any false verdict at 5 % when nothing is true
(and of wrong directions under independence: Shaffer 1980; Finner 1999). Sub-questions are held to a
10 % false discovery rate and only suggest.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, TypeVar, get_args

from pydantic import Field

from zimage_eval.config.frozen import Frozen
from zimage_eval.questions.evidence import ALPHA, Evidence, RivalResult
from zimage_eval.questions.questions import Place
from zimage_eval.questions.terms import Name
from zimage_eval.statistics.multiplicity import benjamini_hochberg, holm

FALSE_DISCOVERIES = 0.10
MIN_HAND_LABELS = 200

ClaimKey = TypeVar("ClaimKey")
Word = Literal["supported", "refuted", "inconclusive", "not_testable"]


class Provenance(Frozen):
    """What every verdict names besides its number of prompts."""

    model: Name
    weights_sha256: Name
    judge: Name
    prompt_set: Name
    num_hand_labels: Annotated[int, Field(ge=0)]
    """Images whose judgement was checked by hand; 0 for a judge that reads drawn scenes."""
    carries_over: Literal["exact", "method", "nano only"]
    """To Z-Image: read in the architecture's code, only the procedure, or nothing."""

    @property
    def mark(self) -> str:
        """What a reader must know of the judge; empty if nothing."""
        if self.judge == "scenes" or self.num_hand_labels >= MIN_HAND_LABELS:
            return ""
        return f"judge checked on {self.num_hand_labels} labelled images, {MIN_HAND_LABELS} needed"


class Verdict(NamedTuple):
    """What can be said of a claim, and on what grounds."""

    word: Word
    reason: str
    """Why not more can be said; empty for supported and refuted, unless rivals are missing."""
    is_suggestion: bool
    """Of a sub-question: worded "suggests"."""
    p_value: float | None
    """Adjusted over the report, against the nearer of supported and refuted; None if exact or
    untestable."""
    num_prompts: int
    named: tuple[str, ...]
    """Rivals as in the evidence."""
    rivals: tuple[RivalResult, ...]
    """Differences as in the evidence."""
    is_exact: bool
    """Decided by equality: there is nothing to correct for."""
    provenance: Provenance


class Page(NamedTuple):
    """The primary claim of a question, asked twice."""

    weights: Evidence
    """What do these weights expect?"""
    design: Evidence
    """Would training otherwise be better? From contrasts of training runs, one number a run;
    `evidence.FROZEN_WEIGHTS` without a training ablation."""
    provenance: Provenance


class PageVerdicts(NamedTuple):
    """The two verdicts of a page."""

    weights: Verdict
    design: Verdict


def decide_report(pages: Mapping[str, Page]) -> dict[str, PageVerdicts]:
    """Question -> its verdicts, by Holm over all primary claims that are testable here."""
    claims = [
        (evidence, page.provenance)
        for page in pages.values()
        for evidence in (page.weights, page.design)
    ]
    verdicts = iter(_decide(claims, holm, ALPHA, is_suggestion=False))
    return {question: PageVerdicts(next(verdicts), next(verdicts)) for question in pages}


def decide_sub_questions(
    evidence: Mapping[ClaimKey, Evidence], provenance: Provenance
) -> dict[ClaimKey, Verdict]:
    """Sub-question -> what the results suggest, at a 10 % false discovery rate over all of them."""
    claims = [(weighed, provenance) for weighed in evidence.values()]
    verdicts = _decide(claims, benjamini_hochberg, FALSE_DISCOVERIES, is_suggestion=True)
    return dict(zip(evidence, verdicts, strict=True))


def count_answers(evidence: Mapping[Place, Evidence]) -> dict[str, int]:
    """Number of questions by their verdict on these weights, as `decide_report` gives it.

    Args:
        evidence: on every claim; sub-questions don't count.
    """
    claims = {place: e for place, e in evidence.items() if not place.part.isdigit()}
    p_values = _adjusted(list(claims.values()), holm)
    words = [
        _word(evidence, p_value, ALPHA)
        for (place, evidence), p_value in zip(claims.items(), p_values, strict=True)
        if place.part == "weights"
    ]
    return {word: words.count(word) for word in get_args(Word)}


def _decide(
    claims: Sequence[tuple[Evidence, Provenance]],
    adjust: Callable[[Sequence[float]], list[float]],
    level: float,
    *,
    is_suggestion: bool,
) -> list[Verdict]:
    """Verdicts in order."""
    p_values = _adjusted([evidence for evidence, _ in claims], adjust)
    verdicts = []
    for (evidence, provenance), p_value in zip(claims, p_values, strict=True):
        word = _word(evidence, p_value, level)
        reason = evidence.reason
        if word == "inconclusive" and not reason:
            reason = "the interval leaves both open at this size"
        verdicts.append(
            Verdict(
                word=word,
                reason=reason,
                is_suggestion=is_suggestion,
                p_value=p_value,
                num_prompts=evidence.num_prompts,
                named=evidence.named,
                rivals=evidence.rivals,
                is_exact=evidence.status == "exact",
                provenance=provenance,
            )
        )
    return verdicts


def _adjusted(
    evidence: Sequence[Evidence], adjust: Callable[[Sequence[float]], list[float]]
) -> list[float | None]:
    """Adjusted p-values against the nearer of supported and refuted; None if nothing is tested.

    What was asked and came out inconclusive still counts as asked; what was read off by equality
    has no chance to go wrong, and does not.
    """
    is_tested = [e.status in ("weighed", "inconclusive") for e in evidence]
    smaller = [min(e.p_if_false, e.p_if_true) for e in evidence]
    adjusted = iter(adjust([p for p, tested in zip(smaller, is_tested, strict=True) if tested]))
    return [next(adjusted) if tested else None for tested in is_tested]


def _word(evidence: Evidence, p_value: float | None, level: float) -> Word:
    if evidence.status == "exact":
        return "supported" if evidence.p_if_false <= evidence.p_if_true else "refuted"
    if p_value is None:
        return "not_testable"
    if evidence.status == "inconclusive" or p_value > level:
        return "inconclusive"
    return "supported" if evidence.p_if_false <= evidence.p_if_true else "refuted"
