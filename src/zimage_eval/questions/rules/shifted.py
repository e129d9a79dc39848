"""The rules `higher` and `lower`: every rival's metric lies on that side of the baseline's."""

from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.rules.comparison import Comparison, Rule, weigh_all


def every_rival_higher(comparison: Comparison) -> Evidence:
    """Whether every rival's metric is higher than the baseline's, or one's is lower."""
    return weigh_all(
        _as_they_are(comparison),
        p_if_false=lambda test: 2 * test.p_above(0.0),
        p_if_true=lambda test: 2 * test.p_below(0.0),
    )


def every_rival_lower(comparison: Comparison) -> Evidence:
    """Whether every rival's metric is lower than the baseline's, or one's is higher."""
    return weigh_all(
        _as_they_are(comparison),
        p_if_false=lambda test: 2 * test.p_below(0.0),
        p_if_true=lambda test: 2 * test.p_above(0.0),
    )


def _as_they_are(comparison: Comparison) -> Comparison:
    """With differences whose sign does not depend on which end of the metric is better."""
    contrasts = [contrast._replace(better=None) for contrast in comparison.contrasts]
    return comparison._replace(contrasts=contrasts)


HIGHER = Rule(
    hypothesis="every rival's metric is higher than the baseline's",
    weigh=every_rival_higher,
)
LOWER = Rule(
    hypothesis="every rival's metric is lower than the baseline's",
    weigh=every_rival_lower,
)
