"""`python -m zimage_eval rows`: every row of the catalogue and its verdicts, as a table."""

from collections.abc import Sequence

from zimage_eval.report_verdicts import Answer
from zimage_eval.verdicts import Verdict

_WIDTH = 64


def render_rows(answers: Sequence[Answer]) -> str:
    """One line a row: both verdicts, p-value, size and the claim."""
    lines = [_line("row", "weights", "design", "p", "n", "claim")]
    for answer in sorted(answers, key=lambda one: _order(one.question.row)):
        weights, design = answer.verdicts
        claim = answer.question.hypothesis
        shown = claim if len(claim) <= _WIDTH else claim[: _WIDTH - 3] + "..."
        p_value = _p_value(weights)
        lines.append(
            _line(
                answer.question.row,
                _plain(weights),
                _plain(design),
                p_value,
                str(weights.num_prompts),
                shown,
            )
        )
    return "\n".join(lines)


def _line(row: str, weights: str, design: str, p_value: str, num: str, claim: str) -> str:
    return f"{row:<5} {weights:<13} {design:<13} {p_value:>8} {num:>5}  {claim}"


def _plain(verdict: Verdict) -> str:
    return verdict.word.replace("_", " ")


def _p_value(verdict: Verdict) -> str:
    if verdict.is_exact:
        return "exact"
    return "" if verdict.p_value is None else f"{verdict.p_value:.1e}"


def _order(row: str) -> tuple[bool, str, int]:
    """Assumptions first, then questions; numbers by their size."""
    kind = row.rstrip("0123456789")
    return kind != "A", kind, int(row[len(kind) :])
