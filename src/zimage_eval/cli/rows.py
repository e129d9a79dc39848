"""`python -m zimage_eval rows`: every row of the catalogue and its verdicts, as a table."""

from collections.abc import Sequence

from zimage_eval.questions.verdicts import Verdict
from zimage_eval.report.verdicts import Answer

_WIDTH = 64
_WIDTHS = ("<5", "<13", ">8", ">5", "<13", ">5", "<13")
"""Of the columns before the claim."""


def render_answers(answers: Sequence[Answer]) -> str:
    """One line a row: the verdicts, p-values, sizes and the claim."""
    lines = [_line("row", "weights", "p", "n", "full size", "n", "design", "claim")]
    for answer in sorted(answers, key=lambda one: _order(one.question.row)):
        weights, design = answer.verdicts
        full = answer.at_full_size
        claim = answer.question.hypothesis
        shown = claim if len(claim) <= _WIDTH else claim[: _WIDTH - 3] + "..."
        lines.append(
            _line(
                answer.question.row,
                _plain(weights),
                _p_value(weights),
                str(weights.num_prompts),
                _plain(full) if full else "",
                str(full.num_prompts) if full else "",
                _plain(design),
                shown,
            )
        )
    return "\n".join(lines)


def _line(*cells: str) -> str:
    *narrow, claim = cells
    padded = (f"{cell:{width}}" for cell, width in zip(narrow, _WIDTHS, strict=True))
    return f"{' '.join(padded)} {claim}"


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
