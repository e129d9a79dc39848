"""What contrasts with one baseline say by the rule of a claim; effects that depend on category."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zimage_eval.questions.claims import ContrastRule
from zimage_eval.questions.contrasts import Assay, Contrast, Margin
from zimage_eval.questions.evidence import (
    ALPHA,
    Evidence,
    baseline_best,
    best_of_grid,
    inconclusive,
    interaction,
    no_difference,
    not_testable,
    rival_results,
    shifted,
    some_better,
)
from zimage_eval.statistics.estimates import MIN_PROMPTS
from zimage_eval.statistics.multiplicity import holm

NUM_PERMUTATIONS = 9_999
SEED = 20_261_125


def decide(
    rule: ContrastRule,
    contrasts: Sequence[Contrast],
    baseline: str,
    terms: Margin,
    assay: Assay,
    lead: float,
    categories: Mapping[str, str],
) -> Evidence:
    """What contrasts with one baseline say by a rule.

    Args:
        rule: of the claim.
        contrasts: one a rival, in the claim's order.
        baseline: name of what they are compared with.
        terms: margin and coverage.
        assay: whether the judge is sensitive.
        lead: how far ahead the better must be.
        categories: of each prompt; read where an effect may depend on them.
    """
    if rule == "baseline_best":
        return baseline_best(contrasts, terms, assay, lead)
    if rule == "some_better":
        return some_better(contrasts, terms, assay, lead)
    if rule == "no_difference":
        return no_difference(contrasts, terms, assay)
    if rule == "best_of_grid":
        return best_of_grid(contrasts, baseline, terms, assay)
    if rule == "interaction":
        return interaction(_beyond_the_sum(contrasts), terms, assay)
    if rule == "depends_on_category":
        return depends_on_category(contrasts, categories, terms, assay)
    return shifted(contrasts, terms, assay, rule)


def depends_on_category(
    contrasts: Sequence[Contrast], categories: Mapping[str, str], terms: Margin, assay: Assay
) -> Evidence:
    """Whether a rival's difference to the baseline is another in some categories than in others.

    By permutation of the prompts over the categories, each category's mean in its own error,
    corrected over the rivals (Holm). That they agree everywhere can't be shown this way: the claim
    is supported or left open, never refuted.

    Args:
        contrasts: one a rival.
        categories: of each prompt.
        terms: of the contrasts.
        assay: of their study.
    """
    if not assay.is_sensitive:
        return inconclusive(assay.reason)
    p_values = [_permuted(contrast, categories) for contrast in contrasts]
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
        named=tuple(c.variant for c, p in zip(contrasts, adjusted, strict=True) if p <= ALPHA),
        rivals=rival_results(contrasts, terms, assay),
    )


def find_rivals(
    named: str | Sequence[str], made: Mapping[str, None], others: Sequence[str]
) -> Sequence[str] | Evidence:
    """The rivals of a claim, or why it can't be tested.

    A rival that is not there, or that is the baseline itself (another model has other defaults),
    makes the claim one that this run can't test.
    """
    candidates = [variant for variant in made if variant not in others]
    rivals = candidates if named == "all" else list(named)
    lacking = [rival for rival in rivals if rival not in candidates]
    if lacking:
        return not_testable(f"there is no rival named {', '.join(map(repr, lacking))}")
    return rivals or not_testable("there is no rival")


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
