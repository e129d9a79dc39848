"""The rule `some_better`: a rival beats the baseline."""

from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.rules.comparison import Comparison, Rule, weigh_any


def some_better(comparison: Comparison) -> Evidence:
    """Whether a rival beats the baseline by more than the lead, or none does by the margin."""
    comparison.need_direction()
    lead, margin = comparison.lead, comparison.terms.margin
    return weigh_any(
        comparison,
        p_if_false=lambda test: 2 * test.p_above(lead),
        p_if_true=lambda test: 2 * test.p_below(margin),
    )


SOME_BETTER = Rule(
    hypothesis="a rival beats the baseline",
    weigh=some_better,
)
