"""Sentences that judge: what they say must be computed, for a typed judgement outlives its numbers.

A sentence judges if it holds one of the words below. Then a piece that names, compares or repeats
a claim's word (`report.pieces`) has to stand in it: a looked-up number beside a typed "no" may
change, and the "no" does not.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from zimage_eval.config.frozen import shown
from zimage_eval.questions.questions import Question
from zimage_eval.report.pieces import PIECES

_WORDS = """
    yes no not never none neither nothing nobody cannot can't don't doesn't isn't
    better best worse worst good bad safe unsafe
    need needs needed required unnecessary necessary optional useless useful
    hurts hurt helps help harms suffer suffers fails fail works
    enough only hardly barely mostly most least almost merely clearly
    more less fewer higher lower faster slower larger smaller
    improves degrades matters pays dominates wins loses
    always whatever therefore alike identical
"""
JUDGING: Final = frozenset(_WORDS.split())
"""Lower case. "More" judges, too: which side has more is a result."""
NEUTRAL: Final = (
    r"no (?:block|guidance|refiner|template|filler)\b",
    r"\bat least\b",
    r"\bat most\b",
    r"one more\b",
    r"\bnot (?:run|measured)\b",
)
"""Wordings in which such a word names an arm or a metric and says nothing about a result."""
_WORD = re.compile(r"[a-z]+(?:['\N{RIGHT SINGLE QUOTATION MARK}][a-z]+)?")
_BRACES = re.compile(r"\{([^{}]*)\}")
_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z{\"(])")
_NEUTRAL = re.compile("|".join(NEUTRAL), re.IGNORECASE)


def typed_judgements(text: str) -> Iterator[str]:
    """Each sentence of a text that judges and has nothing computed that could."""
    pieces: list[str] = []

    def keep(match: re.Match[str]) -> str:
        pieces.append(match[0])
        return f"{{{len(pieces) - 1}}}"

    for sentence in _END.split(_BRACES.sub(keep, text)):
        used = [pieces[int(match[1])] for match in _BRACES.finditer(sentence)]
        words = set(_WORD.findall(_NEUTRAL.sub("", _BRACES.sub("", sentence)).lower()))
        if words & JUDGING and not any(_judges(piece) for piece in used):
            yield _BRACES.sub(lambda match: pieces[int(match[1])], sentence)


def page_judgements(folder: Path, questions: Mapping[str, Question]) -> list[str]:
    """A line for each typed judgement of the results and answers, that begins with the file."""
    return [
        f"{folder / name}.yaml: judges without anything computed: {shown(sentence)}"
        for name, question in questions.items()
        for text in question.conclusions
        for sentence in typed_judgements(text)
    ]


def _judges(piece: str) -> bool:
    name = piece.strip("{}").split("|")[0]
    return "|" in piece and name in PIECES and PIECES[name].judges
