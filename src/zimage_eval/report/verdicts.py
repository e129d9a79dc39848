"""Verdicts in words: one line each, and the table of all rows."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zimage_eval.config.model_spec import ModelSpec, prompt_set_of
from zimage_eval.questions.evidence import FROZEN_WEIGHTS, Evidence, Place, not_testable
from zimage_eval.questions.questions import Question
from zimage_eval.questions.verdicts import (
    Page,
    PageVerdicts,
    Provenance,
    Verdict,
    Word,
    decide_report,
    decide_sub_questions,
)
from zimage_eval.studies.shown_numbers import MISSING, markdown_table, show_interval

_WORDS: Mapping[Word, str] = {
    "supported": "supported",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
    "not_testable": "not testable here",
}
_SUGGESTIONS: Mapping[Word, str] = {
    "supported": "the results suggest yes",
    "refuted": "the results suggest no",
    "inconclusive": "open at this size",
    "not_testable": "not testable here",
}
_DENIED: Mapping[Word, Word] = {"supported": "refuted", "refuted": "supported"}
_NUM_SHOWN = 12


class Answer(NamedTuple):
    """A question and what came of it."""

    name: str
    question: Question
    verdicts: PageVerdicts
    sub_verdicts: Mapping[int, Verdict]
    """By the number of the sub-question."""
    at_full_size: Verdict | None
    """On the same claim of these weights, from many more pictures; None where there are none."""
    sub_at_full_size: Mapping[int, Verdict]


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
    """The verdicts on all claims: Holm over the pages, a false discovery rate over the rest.

    Args:
        questions: by name.
        evidence: on every claim.
        provenance: of the pictures.
        full: evidence of a study of full size, on the claims that it has pictures for. A report of
            its own: Holm over its pages, the other claims as they are.
    """
    verdicts, suggestions = _decide(questions, evidence, provenance)
    larger, larger_suggestions = _decide(questions, {**evidence, **full}, provenance)
    return [
        Answer(
            name=name,
            question=question,
            verdicts=verdicts[name],
            sub_verdicts=_of_page(name, suggestions),
            at_full_size=larger[name].weights if Place(name, "weights") in full else None,
            sub_at_full_size=_of_page(
                name, {at: one for at, one in larger_suggestions.items() if at in full}
            ),
        )
        for name, question in questions.items()
    ]


def verdict_table(answers: Sequence[Answer]) -> str:
    """One row a question: its claim, both verdicts and what they rest on."""
    rows = []
    for answer in answers:
        weights, full = answer.verdicts.weights, answer.at_full_size
        rows.append(
            [
                f"[{answer.question.row}](#{answer.name})",
                f"**{_WORDS[weights.word]}**",
                _p_value(weights),
                str(weights.num_prompts),
                f"**{_WORDS[full.word]}**" if full else MISSING,
                str(full.num_prompts) if full else MISSING,
                _WORDS[answer.verdicts.design.word],
                answer.question.carries_over,
                answer.question.hypothesis,
            ]
        )
    head = ["row", "these weights", "p (Holm)", "n", "at full size", "n", "the design"]
    head += ["carries over", "claim"]
    return markdown_table(head, rows)


def tell(verdict: Verdict, *, supported_says_no: bool = False) -> str:
    """A verdict in one line: word, p-value, size, what it names, why not more.

    Args:
        verdict: on a claim.
        supported_says_no: whether the claim denies what its sub-question asks.
    """
    word = _DENIED.get(verdict.word, verdict.word) if supported_says_no else verdict.word
    parts = [_SUGGESTIONS[word] if verdict.is_suggestion else f"**{_WORDS[word]}**"]
    if verdict.is_exact:
        noun = "check" if verdict.num_prompts == 1 else "checks"
        read_off = "read off, not estimated"
        parts.append(read_off if verdict.rivals else f"{verdict.num_prompts} {noun}")
    if verdict.p_value is not None:
        correction = "false discovery rate" if verdict.is_suggestion else "Holm"
        parts.append(f"p {_p_value(verdict)} ({correction}), n = {verdict.num_prompts}")
    if verdict.named:
        parts.append(f"named: {', '.join(f'`{name}`' for name in verdict.named)}")
    if verdict.reason:
        parts.append(verdict.reason)
    return "; ".join(parts) + "."


def differences_table(verdict: Verdict, decimals: int) -> str:
    """One row a rival: its gain over the baseline with the 95 % interval, and what that shows."""
    head = ["rival", "difference to the baseline", "finding"]
    return _rivals_table(verdict, head, decimals, is_signed=True)


def values_table(verdict: Verdict, threshold: float, decimals: int) -> str:
    """The mean that is held to a threshold, with its 95 % interval, and on which side it lies."""
    head = ["of", "mean", f"against {threshold:g}"]
    return _rivals_table(verdict, head, decimals, is_signed=False)


def _decide(
    questions: Mapping[str, Question], evidence: Mapping[Place, Evidence], provenance: Provenance
) -> tuple[dict[str, PageVerdicts], dict[Place, Verdict]]:
    """Verdicts on the pages, and suggestions on their sub-questions."""
    unweighed = not_testable("was not weighed")
    pages = {
        name: Page(
            weights=evidence.get(Place(name, "weights"), unweighed),
            design=evidence.get(Place(name, "design"), FROZEN_WEIGHTS),
            provenance=provenance.model_copy(update={"carries_over": question.carries_over}),
        )
        for name, question in questions.items()
    }
    minor = {place: one for place, one in evidence.items() if place.part.isdigit()}
    return decide_report(pages), decide_sub_questions(minor, provenance)


def _of_page(name: str, verdicts: Mapping[Place, Verdict]) -> dict[int, Verdict]:
    return {int(place.part): one for place, one in verdicts.items() if place.page == name}


def _rivals_table(verdict: Verdict, head: Sequence[str], decimals: int, *, is_signed: bool) -> str:
    rows = [
        [
            f"`{one.variant}`",
            show_interval(one.gain, one.low, one.high, decimals, signed=is_signed),
            one.kind.replace("_", " "),
        ]
        for one in verdict.rivals[:_NUM_SHOWN]
    ]
    table = markdown_table(head, rows)
    left = len(verdict.rivals) - _NUM_SHOWN
    if left <= 0:
        return table
    more = "One further rival stands" if left == 1 else f"{left} further rivals stand"
    return f"{table}\n\n*{more} in the study's tables.*"


def _p_value(verdict: Verdict) -> str:
    if verdict.p_value is None:
        return MISSING
    return f"{verdict.p_value:.2g}" if verdict.p_value else "below 1e-300"
