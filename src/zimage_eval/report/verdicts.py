"""Verdicts on all questions, and the tables of rows and of rivals."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zimage_eval.config.model_spec import ModelSpec, prompt_set_of
from zimage_eval.questions.claims.claim import RivalTable
from zimage_eval.questions.evidence import (
    FROZEN_WEIGHTS,
    Evidence,
    Place,
    largest_evidence,
    not_testable,
)
from zimage_eval.questions.questions import Question
from zimage_eval.questions.verdicts import (
    Page,
    PageVerdicts,
    Provenance,
    Verdict,
    decide_report,
    decide_sub_questions,
)
from zimage_eval.report.words import FINDINGS, HEADLINES, say, show_result
from zimage_eval.studies.shown_numbers import MISSING, markdown_table

_NUM_SHOWN = 12


class Answer(NamedTuple):
    """A question and what came of it, by the largest evidence that there is."""

    name: str
    question: Question
    verdicts: PageVerdicts
    sub_verdicts: Mapping[int, Verdict]
    """By the number of the sub-question."""
    smaller: Verdict | None
    """On the same claim of these weights, by the study's own pictures alone; None where the verdict
    rests on those."""
    sub_smaller: Mapping[int, Verdict]


def provenance_of(
    model: str, spec: ModelSpec, weights_sha256: str, num_hand_labels: int
) -> Provenance:
    """What the verdicts on a model name; what carries over is each question's own to say."""
    return Provenance(
        model=model,
        weights_sha256=weights_sha256,
        judge=spec.judge,
        prompt_set=prompt_set_of(spec, "main"),
        num_hand_labels=num_hand_labels,
        carries_over="nano only",
    )


def answer_questions(
    questions: Mapping[str, Question],
    evidence: Mapping[Place, Evidence],
    provenance: Provenance,
    full: Mapping[Place, Evidence],
) -> list[Answer]:
    """The verdicts on all claims: Holm over the pages, one level for all sub-questions.

    Args:
        questions: by name.
        evidence: on every claim.
        provenance: of the pictures.
        full: evidence of a study of full size, on the claims that it has pictures for; it gives
            the verdict there. A verdict from fewer pictures can leave more open, and stands beside.
    """
    verdicts, sub_verdicts = _decide(questions, largest_evidence(evidence, full), provenance)
    smaller, sub_smaller = _decide(questions, evidence, provenance)
    is_full = {place for place, weighed in full.items() if weighed.status == "weighed"}
    return [
        Answer(
            name=name,
            question=question,
            verdicts=verdicts[name],
            sub_verdicts=_of_page(name, sub_verdicts),
            smaller=smaller[name].weights if Place(name, "weights") in is_full else None,
            sub_smaller=_of_page(
                name, {place: sub_smaller[place] for place in sub_smaller if place in is_full}
            ),
        )
        for name, question in questions.items()
    ]


def verdict_table(answers: Sequence[Answer]) -> str:
    """One row a question: its claim, both verdicts and what they rest on."""
    rows = []
    for answer in answers:
        weights, smaller = answer.verdicts.weights, answer.smaller
        rows.append(
            [
                f"[{answer.question.row}](#{answer.name})",
                answer.question.hypothesis,
                f"**{HEADLINES[weights.word]}**",
                say(weights, answer.question.claim.rival_table()),
                _number(weights, answer.question.claim.rival_table()),
                str(weights.evidence.num_prompts),
                f"{HEADLINES[smaller.word]}, {smaller.evidence.num_prompts}"
                if smaller
                else MISSING,
                HEADLINES[answer.verdicts.design.word],
                answer.question.carries_over,
            ]
        )
    head = ["row", "claim", "these weights", "in words", "decided by", "n", "with fewer prompts"]
    return markdown_table([*head, "the design", "carries over"], rows)


def rivals_table(verdict: Verdict, shown: RivalTable) -> str:
    """One row a rival: its number with the 95 % interval, and what that shows of it alone."""
    rivals = verdict.evidence.rivals
    head = ["rival", "ratio" if shown.is_ratio else "difference to the baseline", "by itself"]
    if shown.threshold is not None:
        head = ["of", "mean", f"against {shown.threshold:g}"]
    rows = [
        [f"`{rival.variant}`", show_result(rival, shown), FINDINGS[rival.word]]
        for rival in rivals[:_NUM_SHOWN]
    ]
    table = markdown_table(head, rows)
    left = len(rivals) - _NUM_SHOWN
    if left <= 0:
        return table
    more = "One further rival stands" if left == 1 else f"{left} further rivals stand"
    return f"{table}\n\n*{more} in the study's tables.*"


def _decide(
    questions: Mapping[str, Question], evidence: Mapping[Place, Evidence], provenance: Provenance
) -> tuple[dict[str, PageVerdicts], dict[Place, Verdict]]:
    """Verdicts on the pages, and on their sub-questions."""
    unweighed = not_testable("was not weighed")
    pages = {
        name: Page(
            weights=evidence.get(Place(name, "weights"), unweighed),
            design=evidence.get(Place(name, "design"), FROZEN_WEIGHTS),
            provenance=provenance.model_copy(update={"carries_over": question.carries_over}),
        )
        for name, question in questions.items()
    }
    minor = {place: weighed for place, weighed in evidence.items() if place.part.isdigit()}
    return decide_report(pages), decide_sub_questions(minor, provenance)


def _of_page(name: str, verdicts: Mapping[Place, Verdict]) -> dict[int, Verdict]:
    return {int(place.part): verdict for place, verdict in verdicts.items() if place.page == name}


def _number(verdict: Verdict, shown: RivalTable | None) -> str:
    decisive = verdict.decisive
    return show_result(decisive, shown) if decisive is not None and shown is not None else MISSING
