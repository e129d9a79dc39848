"""Graded words on a contrast: which of them a paired mean earns, and at which level.

A word claims a set of truths: the gain is at least the margin, inside it, above 0. Each word has a
p-value against all truths outside its set, so a level read off before the data bounds the chance of
a wrong word. *Full* words name the region of the truth; *part* words leave one of its borders open.

Directions and "more" are two-sided, so their one-sided p-values are doubled; "inside the margin" is
two one-sided tests (Schuirmann 1987), of which only one can go wrong for any truth.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from zimage_eval.statistics.multiplicity import benjamini_hochberg, holm
from zimage_eval.statistics.studentized import MeanTest

LEVEL = 0.05
"""The chance of a wrong word, and the share of wrong ones among the full words of a report."""


class Rung(NamedTuple):
    """A word that results may earn."""

    word: str
    p_value: float
    """Earned at every level from this on; may be above 1, then never."""
    is_full: bool
    """False for a word that leaves a border of the truth open."""
    named: tuple[tuple[str, float], ...] = ()
    """Arms that the word is about, each with the level from which on it is named."""

    def names(self, level: float) -> tuple[str, ...]:
        """The arms that are named at a level, in order."""
        return tuple(name for name, p_value in self.named if p_value <= level)


class Earnable(Protocol):
    """A word with the level from which on it is earned."""

    @property
    def p_value(self) -> float: ...
    @property
    def is_full(self) -> bool: ...


EarnedWord = TypeVar("EarnedWord", bound=Earnable)


def read_word(rungs: Sequence[EarnedWord], level: float) -> EarnedWord | None:
    """The first word that is earned at a level, strongest first; None is "open"."""
    return next((rung for rung in rungs if rung.p_value <= level), None)


def full_p_value(rungs: Sequence[Earnable]) -> float:
    """The smallest level at which a full word is earned, 1 at most."""
    return min([1.0, *(rung.p_value for rung in rungs if rung.is_full)])


def report_level(p_values: Sequence[float], level: float = LEVEL) -> float:
    """The level at which every word of a report is read.

    With it, the expected share of wrong ones among the full words is `level` at most (false
    coverage rate; Benjamini and Yekutieli 2005). Without any full word it is `level` itself: then
    no full word is printed that could be wrong.

    Args:
        p_values: `full_p_value` of every sub-question that is not decided by equality.
        level: the promised share.
    """
    selected = sum(p_value <= level for p_value in benjamini_hochberg(p_values))
    return level * selected / len(p_values) if selected else level


def gain_words(test: MeanTest, margin: float, name: str) -> tuple[Rung, ...]:
    """The words on one arm's gain over another: d is the true mean.

    Args:
        test: of the gains; above 0 is better.
        margin: what matters, above 0, in the unit of the values.
        name: of the arm.

    Returns:
        `more`: d >= margin. `less`: 0 < d < margin. `size_open` (part): d > 0. `worse_more`,
        `worse_less`, `worse_size_open`: the same of -d. `no_difference`: -margin < d < margin.
        `no_gain` (part): d < margin. `no_loss` (part): d > -margin.
    """
    above, below = 2 * test.p_above(0.0), 2 * test.p_below(0.0)
    under, over = test.p_below(margin), test.p_above(-margin)
    p_values = {
        "more": 2 * test.p_above(margin),
        "worse_more": 2 * test.p_below(-margin),
        "less": max(above, under),
        "worse_less": max(below, over),
        "size_open": above,
        "worse_size_open": below,
        "no_difference": max(under, over),
        "no_gain": under,
        "no_loss": over,
    }
    parts = ("size_open", "worse_size_open", "no_gain", "no_loss")
    return tuple(
        Rung(word, p_value, word not in parts, ((name, p_value),))
        for word, p_value in p_values.items()
    )


def any_gain_words(tests: Mapping[str, MeanTest], margin: float) -> tuple[Rung, ...]:
    """The words on "does any of these arms gain?": d is the largest of their true gains.

    What any arm may show is corrected over the arms (Holm); what all must show is not
    (intersection-union, Berger 1982).

    Args:
        tests: of each arm's gains over the same baseline, one arm or more.
        margin: what matters, above 0.

    Returns:
        `more`, `less`, `size_open` (part) as in `gain_words`; `no_gain`: d < margin, a full word
        here, for it answers the question.
    """
    if not tests:
        raise ValueError("no arm to compare")
    gains = _holm(tests, lambda test: 2 * test.p_above(0.0))
    large = _holm(tests, lambda test: 2 * test.p_above(margin))
    none = max(test.p_below(margin) for test in tests.values())
    some = min(p_value for _, p_value in gains)
    return (
        Rung("more", min(p_value for _, p_value in large), True, large),
        Rung("less", max(some, none), True, gains),
        Rung("size_open", some, False, gains),
        Rung("no_gain", none, True),
    )


def all_gain_words(tests: Mapping[str, MeanTest], margin: float) -> tuple[Rung, ...]:
    """The words on "do all of these arms gain?": d is the smallest of their true gains.

    Returns:
        `more`, `size_open` (part) as in `gain_words`. `less`: all gain, and one by less than the
        margin. `no`: an arm gains nothing that matters or loses (d < margin), and is named.
    """
    if not tests:
        raise ValueError("no arm to compare")
    short = _holm(tests, lambda test: test.p_below(margin))
    every = max(2 * test.p_above(0.0) for test in tests.values())
    some_short = min(p_value for _, p_value in short)
    return (
        Rung("more", max(2 * test.p_above(margin) for test in tests.values()), True),
        Rung("less", max(every, some_short), True, short),
        Rung("size_open", every, False),
        Rung("no", some_short, True, short),
    )


def difference_words(tests: Mapping[str, MeanTest], margin: float) -> tuple[Rung, ...]:
    """The words on "does any of these arms differ?": d is the largest distance from 0.

    Returns:
        `more`: an arm differs by the margin or more. `less`: an arm differs and none by the
        margin. `size_open` (part): an arm differs. `no_difference`: none differs by the margin.
    """
    if not tests:
        raise ValueError("no arm to compare")
    differs = _holm(tests, lambda test: 2 * min(test.p_above(0.0), test.p_below(0.0)))
    far = _holm(tests, lambda test: 2 * min(test.p_above(margin), test.p_below(-margin)))
    inside = max(max(test.p_above(-margin), test.p_below(margin)) for test in tests.values())
    some = min(p_value for _, p_value in differs)
    return (
        Rung("more", min(p_value for _, p_value in far), True, far),
        Rung("less", max(some, inside), True, differs),
        Rung("size_open", some, False, differs),
        Rung("no_difference", inside, True),
    )


def _holm(
    tests: Mapping[str, MeanTest], p_value: Callable[[MeanTest], float]
) -> tuple[tuple[str, float], ...]:
    adjusted = holm([float(np.minimum(1.0, p_value(test))) for test in tests.values()])
    return tuple(zip(tests, adjusted, strict=True))
