"""The rule `best_of_grid`: the baseline alone may be the best of a grid."""

from collections.abc import Sequence

from zimage_eval.questions.contrasts import Contrast
from zimage_eval.questions.evidence import ALPHA, Evidence, inconclusive
from zimage_eval.questions.rules.comparison import Comparison, Rule
from zimage_eval.statistics.argmax_sets import argmax_p_values


def best_of_grid(comparison: Comparison) -> Evidence:
    """Whether the baseline alone may be the best of a grid, or is none of those that may be.

    From the confidence set of the argmax over the prompts that every measured variant has.
    """
    comparison.need_direction()
    tests, missing = comparison.mean_tests()
    if blocked := comparison.blocked(tests, missing):
        return blocked
    baseline = comparison.baseline
    measured = [contrast for contrast in comparison.contrasts if contrast.variant in tests]
    shared = sorted(set.intersection(*(set(contrast.differences) for contrast in measured)))
    gains = {contrast.variant: _gains_on(contrast, shared) for contrast in measured}
    p_values = argmax_p_values({baseline: [0.0] * len(shared), **gains}, measured[0].bounds)
    if p_values is None:
        reason = "too few prompts are scored in all variants, or they agree too exactly"
        return inconclusive(reason, len(shared))
    p_others = max(p_value for variant, p_value in p_values.items() if variant != baseline)
    return Evidence(
        status="weighed",
        p_if_false=1.0 if missing else min(1.0, 2 * p_others),
        p_if_true=min(1.0, 2 * p_values[baseline]),
        reason=missing,
        num_prompts=len(shared),
        named=tuple(variant for variant, p_value in p_values.items() if p_value > ALPHA),
        rivals=comparison.rival_results(),
    )


def _gains_on(contrast: Contrast, prompts: Sequence[str]) -> list[float]:
    gains = dict(zip(sorted(contrast.differences), contrast.gains, strict=True))
    return [gains[prompt] for prompt in prompts]


BEST_OF_GRID = Rule(
    hypothesis="the baseline alone may be the best of a grid",
    weigh=best_of_grid,
)
