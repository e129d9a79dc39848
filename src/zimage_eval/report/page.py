"""The page of one question, in the order in which an investigation is documented."""

from collections.abc import Mapping, Sequence

from zimage_eval.output.results import Results
from zimage_eval.questions.claims.claim import Claim, RivalTable
from zimage_eval.questions.measurements import CHECKS
from zimage_eval.questions.questions import Question
from zimage_eval.questions.verdicts import Verdict
from zimage_eval.report.citations import cite
from zimage_eval.report.verdicts import Answer, rivals_table
from zimage_eval.report.words import HEADLINES, tell
from zimage_eval.studies.shown_numbers import MISSING, markdown_table

_HOLDS: Mapping[float | None, str] = {1.0: "yes", 0.0: "no", None: MISSING}


def write_page(
    answer: Answer,
    results: Mapping[str, Results],
    studies: Sequence[str],
    values: str,
    seconds: str,
) -> str:
    """Question, hypothesis, method, results, conclusions, sub-questions, follow-up questions.

    Args:
        answer: the question and its verdicts.
        results: by name of their file, for the sentences that cite them.
        studies: keys of the studies that have a section in the report.
        values: tables of what is claimed and no figure shows (`studies.page_values`).
        seconds: what its pictures take (`machines.page_seconds`).
    """
    name, question, verdicts = answer.name, answer.question, answer.verdicts
    parts = [
        f'<a id="{name}"></a>\n\n## {question.row}: {question.title}',
        "### Question",
        question.question,
        "\n".join(f"- Known: {known}" for known in question.known),
        "### Hypothesis",
        question.hypothesis,
        "### Method",
        cite(question.method, results),
        _rule(question),
        "### Results",
        *[f"![{question.title}](figures/{figure})" for figure in question.figures],
        *[cite(sentence, results) for sentence in question.results],
        _checks(question.claim, results),
        _differences(question.claim, verdicts.weights),
        values,
        seconds,
        _where(question, studies),
        "### Conclusions",
        _conclusions(answer),
        *_sub_questions(answer, results),
        "### Follow-up questions",
        "\n".join(f"- {follow_up}" for follow_up in question.follow_up),
    ]
    return "\n\n".join(part for part in parts if part)


def _rule(question: Question) -> str:
    changed = question.rule_changed.isoformat()
    return f"Decided by: {question.claim.describe_primary()}. Last changed {changed}."


def _checks(claim: Claim, results: Mapping[str, Results]) -> str:
    """One row a check that the claim needs."""
    checks = results.get(claim.source, {}).get(claim.source, {}).get(CHECKS, {})
    rows = [[name.replace("_", " "), _HOLDS[checks.get(name)]] for name in claim.needed_checks]
    return markdown_table(["check", "holds"], rows) if rows else ""


def _differences(claim: Claim, verdict: Verdict) -> str:
    shown = claim.rival_table()
    if shown is None or not verdict.evidence.rivals:
        return ""
    return f"{shown.metric}:\n\n{rivals_table(verdict, shown)}"


def _where(question: Question, studies: Sequence[str]) -> str:
    links = [f"[{source}](#{source})" for source in sorted(question.sources) if source in studies]
    return f"All variants and metrics: {', '.join(links)}." if links else ""


def _conclusions(answer: Answer) -> str:
    question, (weights, design), smaller = answer.question, answer.verdicts, answer.smaller
    shown, provenance = question.claim.rival_table(), weights.provenance
    mark = f", {provenance.mark}" if provenance.mark else ""
    trained = question.design.rival_table() if question.design else None
    lines = [
        f"These weights: {_headline(weights, shown)}",
        *([f"With fewer prompts: {_headline(smaller, shown)}"] if smaller else []),
        f"The design: {_headline(design, trained)}",
        f"On `{provenance.model}` (weights `{provenance.weights_sha256[:16]}`), judge "
        f"{provenance.judge}{mark}. Carries over to Z-Image: {provenance.carries_over}; on "
        "Z-Image itself: not run.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _headline(verdict: Verdict, shown: RivalTable | None) -> str:
    """The verdict on a claim and the graded word behind it; open and untestable say it once."""
    told = tell(verdict, shown)
    return f"**{HEADLINES[verdict.word]}**: {told}" if verdict.rung is not None else told


def _sub_questions(answer: Answer, results: Mapping[str, Results]) -> list[str]:
    if not answer.question.sub_questions:
        return []
    lines = []
    for number, sub in enumerate(answer.question.sub_questions):
        parts = []
        if number in answer.sub_verdicts and sub.claim is not None:
            shown = sub.claim.rival_table()
            told = tell(answer.sub_verdicts[number], shown)
            parts.append(f"{told[0].upper()}{told[1:]} *({sub.claim.describe()})*")
            if number in answer.sub_smaller:
                parts.append(f"With fewer prompts: {tell(answer.sub_smaller[number], shown)}")
        parts += [cite(sub.answer, results)] if sub.answer else []
        if sub.open:
            parts.append(f"Open: {sub.open}")
        lines.append(f"- **{sub.question}** {' '.join(parts)}")
    return ["### Sub-questions", "\n".join(lines)]
