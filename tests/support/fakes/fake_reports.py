"""Contrasts and reports in which the truth is known, and how often a share may be exceeded."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from zimage_eval.questions.contrasts import SENSITIVE, Assay, Contrast, Margin
from zimage_eval.questions.evidence import FROZEN_WEIGHTS, Evidence
from zimage_eval.questions.rules.comparison import Comparison
from zimage_eval.questions.rules.differs import NO_DIFFERENCE
from zimage_eval.questions.rules.gains import ALL_WORSE
from zimage_eval.questions.rules.grids import BEST_OF_GRID
from zimage_eval.questions.verdicts import Page, Provenance, Verdict, Word, decide_report
from zimage_eval.statistics.words import LEVEL, read_word

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
    categories: Mapping[str, str] = {},
    costs: Mapping[str, float] = {},
    inside: Sequence[str] = (),
) -> Comparison:
    """What a rule decides on, for rivals of "baseline"."""
    return Comparison(
        contrasts=contrasts,
        baseline="baseline",
        terms=terms,
        assay=assay,
        categories=categories,
        costs=costs,
        inside=inside,
    )


def mixed(share_better: float, share_worse: float, num_prompts: int = 128) -> list[float]:
    """Differences of +1 and -1 with those shares, the others 0."""
    better, worse = round(share_better * num_prompts), round(share_worse * num_prompts)
    return [1.0] * better + [-1.0] * worse + [0.0] * (num_prompts - better - worse)


def verdicts_of(evidence: Sequence[Evidence]) -> list[Verdict]:
    """The headlines of a report whose pages have that evidence."""
    pages = {
        str(index): Page(weights=weighed, design=FROZEN_WEIGHTS, provenance=PROVENANCE)
        for index, weighed in enumerate(evidence)
    }
    return [verdicts.weights for verdicts in decide_report(pages).values()]


def words(evidence: Sequence[Evidence]) -> list[Word]:
    return [verdict.word for verdict in verdicts_of(evidence)]


def graded(verdict: Verdict) -> str:
    """What is answered and the graded word, as "no: no_gain", or "open"."""
    return "open" if verdict.rung is None else f"{verdict.rung.says}: {verdict.rung.word}"


TRUE_OF_NO_DIFFERENCE = frozenset(
    {
        "open",
        *("yes: no_difference", "no: no_difference", "yes: keep", "no: no", "no: same_for_all"),
        *("no: no_gain", "no: no_loss", "no: no_rise", "no: no_fall"),
        *("no: not_all", "no: not_all_worse", "no: not_all_higher", "no: not_all_lower"),
    }
)
"""Words that are right of arms that do not differ, at equal costs."""


def word_of(evidence: Evidence, level: float = LEVEL) -> str:
    """The graded word that a claim earns at a level, or "open"."""
    rung = read_word(evidence.rungs, level)
    return "open" if rung is None else f"{rung.says}: {rung.word}"


def p_of(evidence: Evidence, *says: str) -> float:
    """The smallest level at which a full word is earned that says yes, or no."""
    return min([1.0, *(r.p_value for r in evidence.rungs if r.is_full and r.says in says)])


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
    """Eight pages of arms that do not differ, or differ by the margin exactly."""
    evidence = []
    for num_rivals, redrawn in ((1, 0.05), (1, 0.5), (3, 0.2), (6, 1.0)):
        scores = draw_alignments(rng, num_rivals + 1, redrawn)
        rivals = [contrast_of(str(i), arm - scores[0]) for i, arm in enumerate(scores[1:])]
        if num_rivals > 1:
            evidence.append(BEST_OF_GRID.weigh(compare(*rivals)))
        evidence.append(ALL_WORSE.weigh(compare(*rivals)))
    # On the edge of the margin: one prompt in ten ruined, or a little noise around a loss as large.
    ruined = -(rng.random(NUM_PROMPTS) < TERMS.margin).astype(float)
    skewed = rng.exponential(0.2, NUM_PROMPTS) - 0.2 + TERMS.margin
    evidence.append(NO_DIFFERENCE.weigh(compare(contrast_of("ruined", ruined))))
    evidence.append(NO_DIFFERENCE.weigh(compare(contrast_of("skewed", skewed, None))))
    return evidence


def is_false_report(evidence: Sequence[Evidence]) -> bool:
    """Whether a headline of such a report is wrong; "no difference" is, of a loss of the margin."""
    told = [graded(verdict) for verdict in verdicts_of(evidence)]
    right = TRUE_OF_NO_DIFFERENCE - {"yes: no_difference"} | {"no: differs_more"}
    return not right.issuperset(told)


def draw_sharp_null_report(rng: np.random.Generator) -> list[Evidence]:
    """Eight pages with one rival each that differs by noise alone: nothing is conservative here."""
    return [
        ALL_WORSE.weigh(compare(contrast_of("rival", rng.normal(size=NUM_PROMPTS), None)))
        for _ in range(8)
    ]
