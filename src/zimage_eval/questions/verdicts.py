"""Verdicts on the claims of a report, corrected for how many there are; none is typed by hand.

Holm's procedure over the claims of the pages bounds the chance of any wrong headline at 5 %.
Sub-questions are all read at one level, at which 5 % of the full words that are said are wrong at
most, on average (Benjamini and Yekutieli 2005).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NamedTuple, TypeVar, get_args

from pydantic import Field

from zimage_eval.config.frozen import Frozen
from zimage_eval.questions.evidence import Evidence, GradedRung, RivalResult
from zimage_eval.questions.questions import Place
from zimage_eval.questions.terms import Name
from zimage_eval.statistics.multiplicity import holm
from zimage_eval.statistics.words import LEVEL, full_p_value, read_word, report_level

MIN_HAND_LABELS = 200

ClaimKey = TypeVar("ClaimKey")
Word = Literal["supported", "refuted", "open", "not_testable"]


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

    rung: GradedRung | None
    """The word that was earned; None where the claim is open or can't be tested."""
    level: float
    """At which the word was read."""
    evidence: Evidence
    provenance: Provenance

    @property
    def word(self) -> Word:
        """The word in one of four, for a table."""
        return _word(self.evidence, self.rung)

    @property
    def is_exact(self) -> bool:
        """Decided by equality: there is nothing to correct for."""
        return self.evidence.status == "exact"

    @property
    def named(self) -> tuple[str, ...]:
        """Arms or kinds that the word is about; of an open claim, those that leave it open."""
        if self.rung is not None:
            return self.rung.names(self.level)
        return tuple(arm for arm, level in self.evidence.leaves_open if level > self.level)

    @property
    def decisive(self) -> RivalResult | None:
        """The rival whose number decides; None where no single one does."""
        rivals = {rival.variant: rival for rival in self.evidence.rivals}
        names = (
            (self.evidence.closest,) if self.rung is None else (self.rung.number_of, *self.named)
        )
        return next((rivals[name] for name in names if name in rivals), None)


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
    claims = [claim for page in pages.values() for claim in (page.weights, page.design)]
    levels = iter(headline_levels(claims))
    return {
        question: PageVerdicts(
            *(
                _verdict(evidence, next(levels), page.provenance)
                for evidence in (page.weights, page.design)
            )
        )
        for question, page in pages.items()
    }


def decide_sub_questions(
    evidence: Mapping[ClaimKey, Evidence], provenance: Provenance
) -> dict[ClaimKey, Verdict]:
    """Sub-question -> its verdict, at the level of all of them together."""
    tested = [weighed for weighed in evidence.values() if _is_tested(weighed)]
    level = report_level([full_p_value(weighed.rungs) for weighed in tested])
    return {place: _verdict(weighed, level, provenance) for place, weighed in evidence.items()}


def headline_levels(claims: Sequence[Evidence]) -> list[float]:
    """The level at which Holm's procedure reads each claim, in order.

    A claim with a full word is read where the procedure reaches it; the others where it stops.
    What was asked and came out inconclusive still counts as asked; what was read off by equality
    has no chance to go wrong, and does not.
    """
    tested = [index for index, claim in enumerate(claims) if _is_tested(claim)]
    p_values = [full_p_value(claims[index].rungs) for index in tested]
    ranks = sorted(range(len(tested)), key=lambda at: p_values[at])
    passed = sum(p_value <= LEVEL for p_value in holm(p_values))
    levels = [LEVEL] * len(claims)
    for rank, at in enumerate(ranks):
        levels[tested[at]] = LEVEL / (len(tested) - min(rank, passed))
    return levels


def count_answers(evidence: Mapping[Place, Evidence]) -> dict[str, int]:
    """Number of questions by their verdict on these weights, as `decide_report` gives it.

    Args:
        evidence: on every claim; sub-questions don't count.
    """
    claims = {place: e for place, e in evidence.items() if not place.part.isdigit()}
    levels = headline_levels(list(claims.values()))
    words = [
        _word(claim, read_word(claim.rungs, level))
        for (place, claim), level in zip(claims.items(), levels, strict=True)
        if place.part == "weights"
    ]
    return {word: words.count(word) for word in get_args(Word)}


def _verdict(evidence: Evidence, level: float, provenance: Provenance) -> Verdict:
    return Verdict(read_word(evidence.rungs, level), level, evidence, provenance)


def _word(evidence: Evidence, rung: GradedRung | None) -> Word:
    if rung is not None:
        return "supported" if rung.says == "yes" else "refuted"
    return "not_testable" if evidence.status == "not_testable" else "open"


def _is_tested(evidence: Evidence) -> bool:
    return evidence.status in ("weighed", "inconclusive")
