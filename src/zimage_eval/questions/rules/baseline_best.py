"""The rule `baseline_best`: the baseline beats every rival."""

from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.rules.comparison import Comparison, Rule, weigh_all


def baseline_best(comparison: Comparison) -> Evidence:
    """Whether the baseline beats every rival by more than the lead, or a rival beats it."""
    comparison.need_direction()
    lead = comparison.lead
    return weigh_all(
        comparison,
        p_if_false=lambda test: 2 * test.p_below(-lead),
        p_if_true=lambda test: 2 * test.p_above(lead),
    )


BASELINE_BEST = Rule(
    hypothesis="the baseline beats every rival",
    weigh=baseline_best,
)
