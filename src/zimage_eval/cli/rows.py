"""`python -m zimage_eval rows`: every row of the catalogue and its verdicts, as a table."""

from collections.abc import Sequence

from zimage_eval.questions.verdicts import Verdict
from zimage_eval.report.verdicts import Answer

_WIDTH = 64
_WIDTHS = ("<5", "<13", ">8", ">5", "<13", ">5", "<13")
"""Of the columns before the hypothesis."""
_LEGEND = """\
p: p-value adjusted over the report (Holm), or exact: decided by equality; n: prompts or other units
full size: the claim on many more prompts; design: is another training better, from training runs"""


def render_answers(answers: Sequence[Answer]) -> str:
    """A line per question with its verdicts, p-values, sizes and hypothesis; then a legend."""
    lines = [_line("row", "weights", "p", "n", "full size", "n", "design", "hypothesis")]
    for answer in sorted(answers, key=lambda one: _order(one.question.row)):
        weights, design = answer.verdicts
        full = answer.at_full_size
        hypothesis = answer.question.hypothesis
        is_short = len(hypothesis) <= _WIDTH
        shown = hypothesis if is_short else hypothesis[: _WIDTH - 3] + "..."
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
    return "\n".join([*lines, "", _LEGEND])


def _line(*cells: str) -> str:
    *narrow, hypothesis = cells
    padded = (f"{cell:{width}}" for cell, width in zip(narrow, _WIDTHS, strict=True))
    return f"{' '.join(padded)} {hypothesis}"


def _plain(verdict: Verdict) -> str:
    return verdict.word.replace("_", " ")


def _p_value(verdict: Verdict) -> str:
    if verdict.is_exact:
        return "exact"
    if verdict.p_value is None:
        return ""
    p_value = f"{verdict.p_value:.1e}"
    return "1" if p_value == "1.0e+00" else p_value


def _order(row: str) -> tuple[bool, str, int]:
    """Assumptions first, then questions; numbers by their size."""
    kind = row.rstrip("0123456789")
    return kind != "A", kind, int(row[len(kind) :])
