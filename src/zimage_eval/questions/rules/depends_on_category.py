"""The rule `depends_on_category`: a rival's effect differs between categories of prompts."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from zimage_eval.questions.contrasts import Contrast
from zimage_eval.questions.evidence import Evidence, inconclusive
from zimage_eval.questions.rules.comparison import Comparison, Rule, named_rivals
from zimage_eval.statistics.estimates import MIN_PROMPTS
from zimage_eval.statistics.multiplicity import holm

NUM_PERMUTATIONS = 9_999
SEED = 20_261_125


def depends_on_category(comparison: Comparison) -> Evidence:
    """Whether a rival's difference to the baseline is another in some categories than in others.

    By permutation of the prompts over the categories, each category's mean in its own error,
    corrected over the rivals (Holm). That they agree everywhere can't be shown this way: the claim
    is supported or left open, never refuted.
    """
    if not comparison.assay.is_sensitive:
        return inconclusive(comparison.assay.reason)
    contrasts = comparison.contrasts
    p_values = [_permuted(contrast, comparison.categories) for contrast in contrasts]
    if all(p_value is None for p_value in p_values):
        reason = f"no two categories have {MIN_PROMPTS} prompts with a score"
        return inconclusive(reason)
    adjusted = holm([1.0 if p_value is None else p_value for p_value in p_values])
    return Evidence(
        status="weighed",
        p_if_false=min(adjusted),
        p_if_true=1.0,
        reason="",
        num_prompts=min(len(contrast.differences) for contrast in contrasts),
        named=named_rivals(contrasts, adjusted),
        rivals=comparison.rival_results(),
    )


def _permuted(contrast: Contrast, categories: Mapping[str, str]) -> float | None:
    prompts = sorted(contrast.differences)
    names, labels, counts = np.unique(
        [categories[prompt] for prompt in prompts], return_inverse=True, return_counts=True
    )
    if (counts >= MIN_PROMPTS).sum() < 2:
        return None
    values = np.array([contrast.differences[prompt] for prompt in prompts])
    belongs = np.eye(len(names))[labels]
    generator = np.random.default_rng(SEED)
    orders = generator.permuted(np.tile(np.arange(len(values)), (NUM_PERMUTATIONS, 1)), axis=1)
    observed = _welch(values[None], belongs, counts)[0]
    permuted = _welch(values[orders], belongs, counts)
    # Rounding must not tell apart what permutes into the same sums.
    exceeding = int((permuted >= observed * (1 - 1e-9)).sum())
    return (exceeding + 1) / (NUM_PERMUTATIONS + 1)


def _welch(
    values: NDArray[np.float64], belongs: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Squared distances of the categories' means in their own errors, one a row of `values`.

    Differences of one category may scatter more than those of another without being any larger on
    average. Permuted means alone take that for a dependence; each in its own error does not, for
    many prompts (Pauly, Brunner and Konietschke 2015). One more value of everybody's variance
    keeps a category whose prompts all agree from an error of 0.

    Args:
        values: (orders, prompts).
        belongs: (prompts, categories), 1 where a prompt is in a category.
        counts: (categories,).
    """
    centered = values - values.mean(axis=1, keepdims=True)
    means = centered @ belongs / counts
    squares = centered**2 @ belongs - counts * means**2
    everybody = (centered**2).mean(axis=1, keepdims=True)
    if not everybody.any():
        return np.zeros(len(values))
    weights = counts**2 / (squares + everybody)
    shared = (weights * means).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    distances: NDArray[np.float64] = (weights * (means - shared) ** 2).sum(axis=1)
    return distances


DEPENDS_ON_CATEGORY = Rule(
    hypothesis="the effect of a rival differs between categories of prompts",
    weigh=depends_on_category,
)
