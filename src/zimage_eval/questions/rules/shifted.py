"""The rules `higher` and `lower`: every rival's metric lies on that side of the baseline's."""

from functools import partial

from zimage_eval.questions.rules.comparison import Comparison, Rule
from zimage_eval.questions.rules.gains import GAINS, LOSSES, climb_all


def as_measured(comparison: Comparison) -> Comparison:
    """With differences whose sign does not depend on which end of the metric is better."""
    contrasts = [contrast._replace(better=None) for contrast in comparison.contrasts]
    return comparison._replace(contrasts=contrasts)


HIGHER = Rule(
    hypothesis="every rival's metric is higher than the baseline's",
    yes=GAINS,
    no=(*LOSSES, "no_difference", "no_gain", "not_all"),
    climb=climb_all,
    need_all=GAINS,
    needs_direction=False,
    prepare=as_measured,
)
LOWER = Rule(
    hypothesis="every rival's metric is lower than the baseline's",
    yes=LOSSES,
    no=(*GAINS, "no_difference", "no_loss", "not_all_worse"),
    climb=partial(climb_all, is_loss=True),
    need_all=LOSSES,
    needs_direction=False,
    prepare=as_measured,
)
