"""Rules on gains and losses: `some_better`, `all_better`, `some_worse` and `all_worse`."""

from functools import partial

from zimage_eval.questions.rules.comparison import Comparison, Ladder, Rule, Tests, renamed
from zimage_eval.statistics.words import all_gain_words, any_gain_words, gain_words

GAINS = ("more", "less", "size_open")
LOSSES = ("worse_more", "worse_less", "worse_size_open")
MIRRORED = {
    "more": "worse_more",
    "less": "worse_less",
    "size_open": "worse_size_open",
    "no_gain": "no_loss",
    "not_all": "not_all_worse",
}


def climb_any(comparison: Comparison, tests: Tests, *, is_loss: bool = False) -> Ladder:
    """The words on "does any rival gain (lose)?"; of a single rival the opposite is told, too."""
    margin = comparison.margin
    if len(comparison.contrasts) == 1:
        return _climb_single(tests, margin)
    sides = {name: test.mirrored() if is_loss else test for name, test in tests.items()}
    rungs = any_gain_words(sides, margin)
    return Ladder(
        rungs=renamed(rungs, MIRRORED) if is_loss else rungs,
        closest=max(sides, key=lambda name: sides[name].mean),
        leaves_open={name: test.p_below(margin) for name, test in sides.items()},
    )


def climb_all(comparison: Comparison, tests: Tests, *, is_loss: bool = False) -> Ladder:
    """The words on "does every rival gain (lose)?"; of a single rival the opposite is told, too."""
    margin = comparison.margin
    if len(comparison.contrasts) == 1:
        return _climb_single(tests, margin)
    sides = {name: test.mirrored() if is_loss else test for name, test in tests.items()}
    rungs = renamed(all_gain_words(sides, margin), {"no": "not_all"})
    return Ladder(
        rungs=renamed(rungs, MIRRORED) if is_loss else rungs,
        closest=min(sides, key=lambda name: sides[name].mean),
        leaves_open={name: 2 * test.p_above(0.0) for name, test in sides.items()},
    )


def _climb_single(tests: Tests, margin: float) -> Ladder:
    ((name, test),) = tests.items()
    return Ladder(rungs=gain_words(test, margin, name), closest=name)


SOME_BETTER = Rule(
    hypothesis="a rival beats the baseline",
    yes=GAINS,
    no=(*LOSSES, "no_difference", "no_gain"),
    climb=climb_any,
    need_all=("less", "no_gain"),
)
ALL_BETTER = Rule(
    hypothesis="every rival beats the baseline",
    yes=GAINS,
    no=(*LOSSES, "no_difference", "no_gain", "not_all"),
    climb=climb_all,
    need_all=GAINS,
)
SOME_WORSE = Rule(
    hypothesis="a rival loses against the baseline",
    yes=LOSSES,
    no=(*GAINS, "no_difference", "no_loss"),
    climb=partial(climb_any, is_loss=True),
    need_all=("worse_less", "no_loss"),
)
ALL_WORSE = Rule(
    hypothesis="the baseline beats every rival",
    yes=LOSSES,
    no=(*GAINS, "no_difference", "no_loss", "not_all_worse"),
    climb=partial(climb_all, is_loss=True),
    need_all=LOSSES,
)
