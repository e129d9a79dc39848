"""The rule `no_difference`: every rival equals the baseline within the margin."""

from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.rules.comparison import Comparison, Rule, weigh_all


def no_difference(comparison: Comparison) -> Evidence:
    """Whether every rival is equivalent to the baseline, or one is not.

    Equivalent: both one-sided tests, so the 90 % interval is inside the margin. A rival is inside
    it or outside: only one of the two p-values can go wrong, and the first is not doubled.
    """
    margin = comparison.terms.margin
    return weigh_all(
        comparison,
        p_if_false=lambda test: max(test.p_above(-margin), test.p_below(margin)),
        p_if_true=lambda test: 2 * min(test.p_above(margin), test.p_below(-margin)),
    )


NO_DIFFERENCE = Rule(
    hypothesis="every rival equals the baseline within the margin",
    weigh=no_difference,
)
