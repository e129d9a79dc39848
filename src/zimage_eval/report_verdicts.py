"""The questions of a report and their verdicts, in words."""

from collections.abc import Sequence
from typing import NamedTuple

from zimage_eval.questions import Question
from zimage_eval.report_tables import MISSING, markdown_table
from zimage_eval.verdicts import PageVerdicts, Verdict

_WORDS = {
    "supported": "supported",
    "refuted": "refuted",
    "inconclusive": "inconclusive",
    "not_testable": "not testable here",
}


class Answer(NamedTuple):
    """A question and what came of it."""

    question: Question
    verdicts: PageVerdicts


def verdict_table(answers: Sequence[Answer]) -> str:
    """One row a question: its claim, both verdicts and what they rest on."""
    rows = []
    for question, verdicts in answers:
        weights = verdicts.weights
        rows.append(
            [
                ", ".join(question.rows),
                question.hypothesis,
                f"**{_WORDS[weights.word]}**",
                MISSING if weights.p_value is None else f"{weights.p_value:.2g}",
                str(weights.num_prompts),
                _WORDS[verdicts.design.word],
                weights.provenance.carries_over,
            ]
        )
    head = ["row", "claim", "these weights", "p (Holm)", "n", "the design", "carries over"]
    return markdown_table(head, rows)


def describe_answer(answer: Answer) -> str:
    """Hypothesis, what is known, rule, both verdicts and what is open, as a list."""
    question, verdicts = answer
    claim = question.claim
    provenance = verdicts.weights.provenance
    lines = [
        f"**Rows {', '.join(question.rows)}.** Claim: {question.hypothesis}",
        f"Rule: `{claim.rule}` over {claim.metric} of the {claim.phase} prompts, margin "
        f"{claim.margin:g}, last changed {claim.rule_changed.isoformat()}.",
        f"These weights: {_tell(verdicts.weights)}",
        f"The design: {_tell(verdicts.design)}",
        f"On `{provenance.model}` (weights `{provenance.weights_sha256[:16]}`), judged by "
        f"{provenance.judge}{f', {provenance.mark}' if provenance.mark else ''}; carries over to "
        f"Z-Image: {provenance.carries_over}; on Z-Image: not run.",
    ]
    lines += [f"Known: {known}." for known in question.known]
    lines += [f"Open: {open_question}" for open_question in question.follow_up]
    return "\n".join(f"- {line}" for line in lines)


def _tell(verdict: Verdict) -> str:
    parts = [f"**{_WORDS[verdict.word]}**"]
    if verdict.p_value is not None:
        parts.append(f"p = {verdict.p_value:.2g} after Holm, n = {verdict.num_prompts} prompts")
    if verdict.named:
        parts.append(f"named: {', '.join(f'`{name}`' for name in verdict.named)}")
    if verdict.reason:
        parts.append(verdict.reason)
    return "; ".join(parts) + "."
