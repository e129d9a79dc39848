"""The rules `differs` and `no_difference`: the same words, asked from either side."""

from zimage_eval.questions.rules.comparison import Comparison, Ladder, Rule, Tests, renamed
from zimage_eval.questions.rules.gains import GAINS
from zimage_eval.statistics.words import difference_words


def climb_difference(comparison: Comparison, tests: Tests) -> Ladder:
    """The words on "does any rival differ?"."""
    margin = comparison.margin
    return Ladder(
        rungs=difference_words(tests, margin),
        closest=max(tests, key=lambda name: abs(tests[name].mean)),
        leaves_open={
            name: max(test.p_above(-margin), test.p_below(margin)) for name, test in tests.items()
        },
    )


def climb_equality(comparison: Comparison, tests: Tests) -> Ladder:
    """The words on "does every rival equal the baseline within the margin?"."""
    ladder = climb_difference(comparison, tests)
    names = {"more": "differs_more", "less": "differs_less"}
    return ladder._replace(rungs=renamed(ladder.rungs, names))


DIFFERS = Rule(
    hypothesis="a rival differs from the baseline",
    yes=GAINS,
    no=("no_difference",),
    climb=climb_difference,
    need_all=("less", "no_difference"),
    needs_direction=False,
)
NO_DIFFERENCE = Rule(
    hypothesis="every rival equals the baseline within the margin",
    yes=("differs_less", "no_difference"),
    no=("differs_more",),
    climb=climb_equality,
    need_all=("differs_less", "no_difference"),
    needs_direction=False,
)
