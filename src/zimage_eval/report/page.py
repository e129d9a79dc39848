"""The page of one question, in the order in which an investigation is documented."""

from collections.abc import Collection, Mapping, Sequence

from zimage_eval.benchmarks.machine.results import MachineResults
from zimage_eval.output.results import Results
from zimage_eval.questions.claims.claim import Claim, RivalTable
from zimage_eval.questions.measurements import CHECKS
from zimage_eval.questions.questions import Question, SubQuestion
from zimage_eval.questions.verdicts import Verdict
from zimage_eval.report.citations import cite, cited_sources
from zimage_eval.report.efforts import tell_effort
from zimage_eval.report.verdicts import Answer, rivals_table
from zimage_eval.report.words import HEADLINES, say, tell
from zimage_eval.studies.shown_numbers import MISSING, markdown_table

_HOLDS: Mapping[float | None, str] = {1.0: "yes", 0.0: "no", None: MISSING}
_TRAININGS = ("ablations", "trained")
_GPUS = ("h100_", "h200_")
_ELSEWHERE = (*_TRAININGS, "families")
"""What was measured on the families that calibration/ trains, whichever model is studied."""


def write_page(
    answer: Answer,
    results: Mapping[str, Results],
    studies: Sequence[str],
    values: str,
    seconds: str,
    machines: Sequence[MachineResults] = (),
) -> str:
    """Question, hypothesis, method, results, conclusions, sub-questions, follow-up questions.

    Args:
        answer: the question and its verdicts.
        results: by name of their file, for the sentences that cite them.
        studies: keys of the studies that have a section in the report.
        values: tables of what is claimed and no figure shows (`studies.page_values`).
        seconds: what its pictures take (`machines.page_seconds`).
        machines: what was measured of them, for what open answers would take.
    """
    name, question, verdicts = answer.name, answer.question, answer.verdicts
    words = _words(answer)
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
        *[cite(sentence, results, words) for sentence in question.results],
        _checks(question.claim, results),
        _differences(question.claim, verdicts.weights),
        values,
        seconds,
        _where(question, studies),
        "### Conclusions",
        _conclusions(answer),
        *_sub_questions(answer, results, words, machines),
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
        f"{_subject(question.claim)}: {_headline(weights, shown)}",
        *([f"With fewer prompts: {_headline(smaller, shown)}"] if smaller else []),
        *([] if question.design else [f"The design: {_headline(design, trained)}"]),
        f"On `{provenance.model}` (weights `{provenance.weights_sha256[:16]}`), judge "
        f"{provenance.judge}{mark}. Carries over to Z-Image: {provenance.carries_over}; on "
        "Z-Image itself: not run.",
    ]
    told = "\n".join(f"- {line}" for line in lines)
    if question.design is None:
        return told
    box = (
        f"**{_where_measured([question.design.source])}** The design: {_headline(design, trained)}"
    )
    return f"{told}\n\n> {box}"


def _subject(claim: Claim) -> str:
    """Whom a page's claim is about: what GPUs measured has random weights of the released size."""
    return "The released size" if claim.source.startswith(_GPUS) else "These weights"


def _where_measured(sources: Collection[str]) -> str:
    """That something was not measured on the model under study; empty if it was."""
    if any(source in _TRAININGS for source in sources):
        return "Measured on nano, by short trainings, whichever model is studied."
    if any(source in _ELSEWHERE for source in sources):
        return "Measured on the families of calibration/."
    is_random = bool(sources) and all(source.startswith(_GPUS) for source in sources)
    return "Measured with random weights of the released size." if is_random else ""


def _words(answer: Answer) -> dict[str, str]:
    """The graded word of each named claim of the page."""
    question, verdicts = answer.question, answer.verdicts
    graded = {"weights": say(verdicts.weights, question.claim.rival_table())}
    shown = question.design.rival_table() if question.design else None
    graded["design"] = say(verdicts.design, shown)
    for name, part in question.named_claims.items():
        claim = question.sub_questions[int(part)].claim if part.isdigit() else None
        if claim is not None and int(part) in answer.sub_verdicts:
            graded[name] = say(answer.sub_verdicts[int(part)], claim.rival_table())
    return graded


def _headline(verdict: Verdict, shown: RivalTable | None) -> str:
    """The verdict on a claim and the graded word behind it; open and untestable say it once."""
    told = tell(verdict, shown)
    return f"**{HEADLINES[verdict.word]}**: {told}" if verdict.rung is not None else told


def _sub_questions(
    answer: Answer,
    results: Mapping[str, Results],
    words: Mapping[str, str],
    machines: Sequence[MachineResults],
) -> list[str]:
    if not answer.question.sub_questions:
        return []
    lines = [
        f"- **{sub.question}** {' '.join(_told(answer, number, results, words, machines))}"
        for number, sub in enumerate(answer.question.sub_questions)
    ]
    return ["### Sub-questions", "\n".join(lines)]


def _told(
    answer: Answer,
    number: int,
    results: Mapping[str, Results],
    words: Mapping[str, str],
    machines: Sequence[MachineResults],
) -> list[str]:
    """The parts of an answer: where it was measured, the word, the numbers, what is known, open."""
    sub = answer.question.sub_questions[number]
    where = _where_measured(_sources(sub, answer.question))
    parts = [f"*{where}*"] if where else []
    if number in answer.sub_verdicts and sub.claim is not None:
        shown = sub.claim.rival_table()
        told = tell(answer.sub_verdicts[number], shown)
        parts.append(f"{told[0].upper()}{told[1:]} *({sub.claim.describe()})*")
        if number in answer.sub_smaller:
            parts.append(f"With fewer prompts: {tell(answer.sub_smaller[number], shown)}")
    if sub.answer:
        parts.append(cite(sub.answer, results, words))
    if sub.known:
        parts.append(f"Known: {sub.known}")
    if sub.open:
        parts.append(f"Open: {cite(sub.open, results, words)}")
    if sub.takes is not None:
        parts.append(tell_effort(sub.takes, machines))
    return parts


def _sources(sub: SubQuestion, question: Question) -> set[str]:
    """Of a sub-question's claim and numbers, and of the design whose word it repeats."""
    claims = [sub.claim]
    answer = sub.answer or ""
    if "{word|design}" in answer:
        claims.append(question.design)
    return {claim.source for claim in claims if claim is not None} | cited_sources(answer)
