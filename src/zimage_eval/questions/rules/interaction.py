"""The rule `interaction`: two changes together do other than the sum of each."""

from collections.abc import Sequence

from zimage_eval.questions.contrasts import Contrast
from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.rules.comparison import Comparison, Rule, weigh_all


def interaction(comparison: Comparison) -> Evidence:
    """Whether two changes together do other than the sum of each, or the same within the margin.

    The contrasts are those of the first change, of the second, and of both together.
    """
    margin = comparison.terms.margin
    return weigh_all(
        comparison._replace(contrasts=[_beyond_the_sum(comparison.contrasts)]),
        p_if_false=lambda test: 2 * min(test.p_above(0.0), test.p_below(0.0)),
        p_if_true=lambda test: 2 * max(test.p_above(-margin), test.p_below(margin)),
    )


def _beyond_the_sum(contrasts: Sequence[Contrast]) -> Contrast:
    if len(contrasts) != 3:
        raise ValueError(f"an interaction names two changes and both, not {len(contrasts)}")
    first, second, both = contrasts
    shared = first.differences.keys() & second.differences.keys() & both.differences.keys()
    differences = {
        prompt: both.differences[prompt] - first.differences[prompt] - second.differences[prompt]
        for prompt in sorted(shared)
    }
    coverage = min(contrast.coverage for contrast in contrasts)
    name = f"{both.variant} beyond the sum"
    return Contrast(
        variant=name,
        metric=both.metric,
        differences=differences,
        coverage=coverage,
        bounds=None,
        better=None,
    )


INTERACTION = Rule(
    hypothesis="two changes together do other than the sum of each",
    weigh=interaction,
)
