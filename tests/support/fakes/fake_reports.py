"""Contrasts and reports in which the truth is known, and how often a share may be exceeded."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from zimage_eval.questions.contrasts import SENSITIVE, Assay, Contrast, Margin
from zimage_eval.questions.evidence import FROZEN_WEIGHTS, Evidence
from zimage_eval.questions.rules.baseline_best import baseline_best
from zimage_eval.questions.rules.best_of_grid import best_of_grid
from zimage_eval.questions.rules.comparison import Comparison
from zimage_eval.questions.rules.no_difference import no_difference
from zimage_eval.questions.verdicts import Page, Provenance, Word, decide_report

TERMS = Margin(margin=0.1, min_coverage=0.9)
SHARES = (-1.0, 1.0)
NUM_PROMPTS, NUM_FACTS = 64, 4
PROVENANCE = Provenance(
    model="nano",
    weights_sha256="0" * 64,
    judge="scenes",
    prompt_set="scenes",
    num_hand_labels=0,
    carries_over="method",
)
Floats = np.ndarray


def contrast_of(
    variant: str, differences: Floats, bounds: tuple[float, float] | None = SHARES
) -> Contrast:
    by_prompt = {f"p{index:04d}": float(value) for index, value in enumerate(differences)}
    return Contrast(variant, "alignment", by_prompt, 1.0, bounds, "higher")


def compare(
    *contrasts: Contrast,
    terms: Margin = TERMS,
    assay: Assay = SENSITIVE,
    lead: float = 0.0,
    categories: Mapping[str, str] = {},
) -> Comparison:
    """What a rule decides on, for rivals of "baseline"."""
    return Comparison(
        contrasts=contrasts,
        baseline="baseline",
        terms=terms,
        assay=assay,
        lead=lead,
        categories=categories,
    )


def mixed(share_better: float, share_worse: float, num_prompts: int = 128) -> list[float]:
    """Differences of +1 and -1 with those shares, the others 0."""
    better, worse = round(share_better * num_prompts), round(share_worse * num_prompts)
    return [1.0] * better + [-1.0] * worse + [0.0] * (num_prompts - better - worse)


def words(evidence: Sequence[Evidence]) -> list[Word]:
    pages = {
        str(i): Page(weights=one, design=FROZEN_WEIGHTS, provenance=PROVENANCE)
        for i, one in enumerate(evidence)
    }
    return [verdicts.weights.word for verdicts in decide_report(pages).values()]


def at_most(count: int, trials: int, share: float) -> bool:
    """Whether such a count can come from at most that share (one-sided, 1 %)."""
    return bool(stats.binomtest(count, trials, share, alternative="greater").pvalue > 0.01)


def at_least(count: int, trials: int, share: float) -> bool:
    return bool(stats.binomtest(count, trials, share, alternative="less").pvalue > 0.01)


def draw_alignments(rng: np.random.Generator, num_variants: int, redrawn: float) -> Floats:
    """Shares of facts (variants, prompts) without any effect: prompts differ in difficulty, and a
    variant changes the outcome of a fact only with the chance `redrawn`."""
    chances = rng.beta(2, 1, size=(1, NUM_PROMPTS, 1))
    size = (num_variants, NUM_PROMPTS, NUM_FACTS)
    base = rng.random((1, *size[1:])) < chances
    return np.where(rng.random(size) < redrawn, rng.random(size) < chances, base).mean(axis=2)


def draw_null_report(rng: np.random.Generator) -> list[Evidence]:
    """Eight pages on which every verdict but inconclusive is wrong."""
    evidence = []
    for num_rivals, redrawn in ((1, 0.05), (1, 0.5), (3, 0.2), (6, 1.0)):
        scores = draw_alignments(rng, num_rivals + 1, redrawn)
        rivals = [contrast_of(str(i), arm - scores[0]) for i, arm in enumerate(scores[1:])]
        if num_rivals > 1:
            evidence.append(best_of_grid(compare(*rivals)))
        evidence.append(baseline_best(compare(*rivals)))
    # On the edge of the margin: one prompt in ten ruined, or a little noise around a loss as large.
    ruined = -(rng.random(NUM_PROMPTS) < TERMS.margin).astype(float)
    skewed = rng.exponential(0.2, NUM_PROMPTS) - 0.2 + TERMS.margin
    evidence.append(no_difference(compare(contrast_of("ruined", ruined))))
    evidence.append(no_difference(compare(contrast_of("skewed", skewed, None))))
    return evidence


def draw_sharp_null_report(rng: np.random.Generator) -> list[Evidence]:
    """Eight pages with one rival each that differs by noise alone: nothing is conservative here."""
    return [
        baseline_best(compare(contrast_of("rival", rng.normal(size=NUM_PROMPTS), None)))
        for _ in range(8)
    ]
