"""Graded words in plain English: the one place where a word of the evidence becomes a sentence."""

import math
from collections.abc import Mapping, Sequence

from zimage_eval.questions.claims.claim import RivalTable
from zimage_eval.questions.evidence import Evidence, GradedRung, RivalResult, Says
from zimage_eval.questions.verdicts import Verdict, Word
from zimage_eval.studies.shown_numbers import MISSING, show, show_interval

HEADLINES: Mapping[Word, str] = {
    "supported": "supported",
    "refuted": "refuted",
    "open": "open",
    "not_testable": "not testable here",
}
PHRASES: Mapping[tuple[Says, str], str] = {
    ("yes", "more"): "yes, by more than matters",
    ("yes", "less"): "yes, by less than matters",
    ("yes", "size_open"): "yes; whether it matters is open",
    ("yes", "worse_more"): "yes, by more than matters",
    ("yes", "worse_less"): "yes, by less than matters",
    ("yes", "worse_size_open"): "yes; whether it matters is open",
    ("no", "more"): "no, the opposite: by more than matters",
    ("no", "less"): "no, the opposite: by less than matters",
    ("no", "size_open"): "no, the opposite; whether it matters is open",
    ("no", "worse_more"): "no, the opposite: by more than matters",
    ("no", "worse_less"): "no, the opposite: by less than matters",
    ("no", "worse_size_open"): "no, the opposite; whether it matters is open",
    ("no", "no_difference"): "no difference that matters",
    ("yes", "no_difference"): "yes: no difference that matters",
    ("yes", "differs_less"): "yes: they differ by less than matters",
    ("no", "differs_more"): "no: they differ by more than matters",
    ("no", "no_gain"): "no gain that matters",
    ("no", "no_loss"): "no loss that matters",
    ("no", "no_rise"): "no rise that matters",
    ("no", "no_fall"): "no fall that matters",
    ("no", "not_all"): "no gain that matters of {named}",
    ("no", "not_all_worse"): "no loss that matters of {named}",
    ("no", "not_all_higher"): "no rise that matters of {named}",
    ("no", "not_all_lower"): "no fall that matters of {named}",
    ("yes", "keep"): "keep it",
    ("yes", "keep_or_change"): "keep it; {first} {instead}",
    ("no", "change"): "change to {first}",
    ("no", "no"): "no: {level} is within {margin} of the best for every kind",
    ("no", "same_for_all"): "no: the same within {margin} for every kind",
    ("yes", "inside"): "yes, inside: {set}",
    ("no", "outside"): "no, outside: {set}",
    ("yes", "shown"): "yes",
    ("yes", "above"): "yes, above it",
    ("no", "above"): "no, above it",
    ("yes", "below"): "yes, below it",
    ("no", "below"): "no, below it",
    ("yes", "holds"): "yes",
    ("no", "holds"): "no",
    ("yes", "fails"): "yes",
    ("no", "fails"): "no",
}
"""By what a word answers, and the word."""
FINDINGS: Mapping[str, str] = {
    "more": "by more than matters",
    "less": "by less than matters",
    "size_open": "whether it matters is open",
    "worse_more": "by more than matters",
    "worse_less": "by less than matters",
    "worse_size_open": "whether it matters is open",
    "no_difference": "no difference that matters",
    "no_gain": "no gain that matters",
    "no_loss": "no loss that matters",
    "open": "open",
    "above": "above",
    "below": "below",
}
"""On one rival alone, beside a number whose sign tells the direction."""
_LOSES = ("worse_more", "worse_less", "worse_size_open")


def tell(verdict: Verdict, shown: RivalTable | None) -> str:
    """A verdict in one line: word, the number that decides, whom it names, size, why not more.

    Args:
        verdict: on a claim.
        shown: how the claim shows numbers; None where the word says all.
    """
    evidence = verdict.evidence
    if evidence.status == "not_testable":
        return f"{HEADLINES['not_testable']}; {evidence.reason}."
    parts = [say(verdict, shown)]
    if (decisive := verdict.decisive) is not None and shown is not None:
        parts.append(f"`{decisive.variant}` {show_result(decisive, shown)}")
    if verdict.rung is not None and "{" not in PHRASES[verdict.rung.says, verdict.rung.word]:
        others = [name for name in verdict.named if decisive is None or name != decisive.variant]
        if others:
            parts.append(f"named: {_names(verdict.named)}")
    if len(evidence.sets) > 1:
        parts.append(tell_sets(evidence.sets))
    if verdict.is_exact:
        noun = "check" if evidence.num_prompts == 1 else "checks"
        counted = f"{evidence.num_prompts} {noun}"
        parts.append("read off, not estimated" if evidence.rivals else counted)
    else:
        parts.append(f"n = {evidence.num_prompts}")
    if evidence.reason:
        parts.append(evidence.reason)
    return "; ".join(parts) + "."


def say(verdict: Verdict, shown: RivalTable | None) -> str:
    """The word alone, in English; of an open claim, what leaves it open and what would decide."""
    rung, evidence = verdict.rung, verdict.evidence
    if rung is None:
        return HEADLINES["not_testable"] if verdict.word == "not_testable" else _open(verdict)
    named = verdict.named or (evidence.baseline,)
    if rung.word == "keep" and all(rival.word in _LOSES for rival in evidence.rivals):
        return "keep it: it beats every other"
    return PHRASES[rung.says, rung.word].format(
        named=_names(named),
        first=f"`{named[0]}`",
        level=f"`{_serving_level(rung, evidence)}`",
        instead=_instead(named[0], evidence),
        margin=_margin(evidence, shown),
        set=_names(evidence.sets[0][1]) if evidence.sets else "",
    )


def show_result(result: RivalResult, shown: RivalTable) -> str:
    """The number of a rival with its interval: a difference, a ratio, or a mean."""
    values = (result.gain, result.low, result.high)
    if shown.is_ratio:
        low, high = (None if end is None else math.exp(end) for end in values[1:])
        ratio = None if result.gain is None else math.exp(result.gain)
        return f"x {show_interval(ratio, low, high, shown.decimals)}"
    return show_interval(*values, shown.decimals, signed=shown.threshold is None)


def tell_sets(sets: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """Which levels may be the best, by kind of prompts."""
    levels = {names for _, names in sets}
    if len(levels) == 1:
        return f"may be the best in every kind: {_names(levels.pop())}"
    return "may be the best: " + ", ".join(f"{kind} {_names(names)}" for kind, names in sets)


def _open(verdict: Verdict) -> str:
    evidence = verdict.evidence
    if len(evidence.sets) == 1:
        straddles = f"open at this size; straddles: {_names(evidence.sets[0][1])}"
        return straddles if evidence.rungs else "open at this size"
    parts = ["open at this size"]
    if verdict.named:
        parts.append(f"left open by {_names(verdict.named)}")
    needed = evidence.num_needed
    if needed is not None and needed > evidence.num_prompts:
        parts.append(f"about {_rounded(needed):,} prompts would decide")
    elif needed is not None and evidence.status == "weighed":
        parts.append("the truth may lie at the border of what matters")
    return "; ".join(parts)


def _rounded(number: int) -> int:
    """Up to two digits: a plan is no more exact."""
    unit = 10 ** max(0, len(str(number)) - 2)
    return math.ceil(number / unit) * unit


def _serving_level(rung: GradedRung, evidence: Evidence) -> str:
    return rung.named[0][0] if rung.named else evidence.baseline


def _instead(name: str, evidence: Evidence) -> str:
    """What speaks for another level that may be changed to as well."""
    saves = next((rival.saves for rival in evidence.rivals if rival.variant == name), None)
    if saves:
        return f"saves {show(saves, 0)} forwards for a loss that does not matter"
    return "gains by less than matters at no cost"


def _margin(evidence: Evidence, shown: RivalTable | None) -> str:
    if evidence.margin is None:
        return MISSING
    is_ratio = shown is not None and shown.is_ratio
    return f"{math.expm1(evidence.margin):.0%}" if is_ratio else f"{evidence.margin:g}"


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
