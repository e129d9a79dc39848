"""Whether an effect depends on the kind of prompt."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zimage_eval.contrasts import Assay, Contrast, Terms
from zimage_eval.evidence import ALPHA, Evidence, seen_of
from zimage_eval.multiplicity import holm
from zimage_eval.statistics import MIN_PROMPTS

NUM_PERMUTATIONS = 9_999
SEED = 20_261_125


def depends_on_category(
    contrasts: Sequence[Contrast], categories: Mapping[str, str], terms: Terms, assay: Assay
) -> Evidence:
    """Whether a rival's difference to the baseline is another in some categories than in others.

    By permutation of the prompts over the categories, corrected over the rivals (Holm). That they
    agree everywhere can't be shown this way: the claim is supported or left open, never refuted.

    Args:
        contrasts: one a rival.
        categories: of each prompt.
        terms: of the contrasts.
        assay: of their study.
    """
    if not assay.is_sensitive:
        return Evidence("inconclusive", 1.0, 1.0, assay.reason, 0)
    p_values = [_permuted(contrast, categories) for contrast in contrasts]
    if all(p_value is None for p_value in p_values):
        reason = f"no two categories have {MIN_PROMPTS} prompts with a score"
        return Evidence("inconclusive", 1.0, 1.0, reason, 0)
    adjusted = holm([1.0 if p_value is None else p_value for p_value in p_values])
    return Evidence(
        "weighed",
        min(adjusted),
        1.0,
        "",
        min(len(contrast.differences) for contrast in contrasts),
        tuple(c.variant for c, p in zip(contrasts, adjusted, strict=True) if p <= ALPHA),
        seen_of(contrasts, terms, assay),
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
    seen = _spread(values[None], belongs, counts)[0]
    drawn = _spread(values[orders], belongs, counts)
    # Rounding must not tell apart what permutes into the same sums.
    exceeding = int((drawn >= seen * (1 - 1e-9)).sum())
    return (exceeding + 1) / (NUM_PERMUTATIONS + 1)


def _spread(
    values: NDArray[np.float64], belongs: NDArray[np.float64], counts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Sum of squares between categories, one a row of `values` (orders, prompts)."""
    means = values @ belongs / counts
    between: NDArray[np.float64] = (counts * (means - values.mean(axis=1, keepdims=True)) ** 2).sum(
        axis=1
    )
    return between
