"""The rules `higher` and `lower`: every rival's metric lies on that side of the baseline's."""

from zimage_eval.questions.rules.comparison import Comparison, Ladder, Rule, Tests, renamed
from zimage_eval.questions.rules.gains import GAINS, LOSSES, climb_all


def as_measured(comparison: Comparison) -> Comparison:
    """With differences whose sign does not depend on which end of the metric is better."""
    contrasts = [contrast._replace(better=None) for contrast in comparison.contrasts]
    return comparison._replace(contrasts=contrasts)


def climb_higher(comparison: Comparison, tests: Tests) -> Ladder:
    """The words on "is every rival higher?"."""
    ladder = climb_all(comparison, tests)
    names = {"no_gain": "no_rise", "not_all": "not_all_higher"}
    return ladder._replace(rungs=renamed(ladder.rungs, names))


def climb_lower(comparison: Comparison, tests: Tests) -> Ladder:
    """The words on "is every rival lower?"."""
    ladder = climb_all(comparison, tests, is_loss=True)
    names = {"no_loss": "no_fall", "not_all_worse": "not_all_lower"}
    return ladder._replace(rungs=renamed(ladder.rungs, names))


HIGHER = Rule(
    hypothesis="every rival's metric is higher than the baseline's",
    yes=GAINS,
    no=(*LOSSES, "no_difference", "no_rise", "not_all_higher"),
    climb=climb_higher,
    need_all=GAINS,
    needs_direction=False,
    prepare=as_measured,
)
LOWER = Rule(
    hypothesis="every rival's metric is lower than the baseline's",
    yes=LOSSES,
    no=(*GAINS, "no_difference", "no_fall", "not_all_lower"),
    climb=climb_lower,
    need_all=LOSSES,
    needs_direction=False,
    prepare=as_measured,
)
