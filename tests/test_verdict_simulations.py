"""Verdicts of many made-up reports: how often they are wrong, and how often they see what is there.

Everything is seeded. The larger versions are marked `slow`.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from scipy import stats

from zimage_eval import claims, contrasts
from zimage_eval.argmax_sets import argmax_p_values
from zimage_eval.claims import (
    FROZEN_WEIGHTS,
    Evidence,
    baseline_best,
    best_of_grid,
    no_difference,
)
from zimage_eval.contrasts import Assay, Contrast, Kind, Terms, check_assay, find, paired_contrast
from zimage_eval.pivots import pivot_of
from zimage_eval.plan import smallest_effect
from zimage_eval.sample_sizes import deviation_under_test, smallest_margin
from zimage_eval.verdicts import Page, Provenance, Word, decide_report

TERMS = Terms(margin=0.1, min_coverage=0.9)
SENSITIVE = Assay(True, "")
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


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bootstraps of 999 draws, whose smallest p-value still passes Holm over eight pages."""
    monkeypatch.setattr(claims, "argmax_p_values", partial(argmax_p_values, num_draws=999))
    monkeypatch.setattr(contrasts, "pivot_of", partial(pivot_of, num_resamples=999))


def contrast_of(
    variant: str, differences: Floats, bounds: tuple[float, float] | None = SHARES
) -> Contrast:
    by_prompt = {f"p{index:04d}": float(value) for index, value in enumerate(differences)}
    return Contrast(variant, "alignment", by_prompt, 1.0, bounds, "higher")


def words(evidence: Sequence[Evidence]) -> list[Word]:
    pages = {str(i): Page(one, FROZEN_WEIGHTS, PROVENANCE) for i, one in enumerate(evidence)}
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
        rule: Callable[[], Evidence] = partial(baseline_best, rivals, TERMS, SENSITIVE, 0.0)
        if num_rivals in (3, 6):
            evidence.append(best_of_grid(rivals, "baseline", TERMS, SENSITIVE))
        evidence.append(rule())
    # On the edge of the margin: one prompt in ten ruined, or a little noise around a loss as large.
    ruined = -(rng.random(NUM_PROMPTS) < TERMS.margin).astype(float)
    skewed = rng.exponential(0.2, NUM_PROMPTS) - 0.2 + TERMS.margin
    evidence.append(no_difference([contrast_of("ruined", ruined)], TERMS, SENSITIVE))
    evidence.append(no_difference([contrast_of("skewed", skewed, None)], TERMS, SENSITIVE))
    return evidence


def draw_sharp_null_report(rng: np.random.Generator) -> list[Evidence]:
    """Eight pages with one rival each that differs by noise alone: nothing is conservative here."""
    return [
        baseline_best(
            [contrast_of("rival", rng.normal(size=NUM_PROMPTS), None)], TERMS, SENSITIVE, 0.0
        )
        for _ in range(8)
    ]


NULL_REPORTS = (draw_null_report, draw_sharp_null_report)


def false_reports(
    draw: Callable[[np.random.Generator], list[Evidence]], num_reports: int, seed: int
) -> int:
    rng = np.random.default_rng(seed)
    reports = (words(draw(rng)) for _ in range(num_reports))
    return sum(bool({"supported", "refuted"} & set(report)) for report in reports)


@pytest.mark.parametrize("draw", NULL_REPORTS)
def test_at_most_one_null_report_in_twenty_has_a_false_verdict(
    draw: Callable[[np.random.Generator], list[Evidence]],
) -> None:
    assert at_most(false_reports(draw, 300, seed=1), 300, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("draw", NULL_REPORTS)
def test_at_most_one_null_report_in_twenty_has_a_false_verdict_among_thousands(
    draw: Callable[[np.random.Generator], list[Evidence]],
) -> None:
    assert at_most(false_reports(draw, 4_000, seed=2), 4_000, 0.05)


@pytest.mark.parametrize("num_prompts", [8, 16, 32, 64, 128, 200, 296, 338])
def test_exact_coverage_of_sparse_binary_differences(num_prompts: int) -> None:
    """Summed over all outcomes, so nothing is left to chance; the sizes include the worst."""
    for better, worse in ((0.02, 0.0), (0.01, 0.01), (0.03, 0.0), (0.05, 0.01), (0.1, 0.0)):
        covered = 0.0
        for outcome, chance in outcomes(num_prompts, better, worse):
            pivot = pivot_of(outcome, SHARES)
            assert pivot is not None
            low, high = pivot.interval(0.95)
            assert low < high
            covered += chance * (low <= better - worse <= high)
        assert covered >= 0.93


def outcomes(num_prompts: int, better: float, worse: float) -> list[tuple[list[float], float]]:
    """Differences of +1, -1 and 0 with those chances: every likely outcome and its probability."""
    likely = []
    for ups in range(num_prompts + 1):
        chance_of_ups = stats.binom.pmf(ups, num_prompts, better)
        if chance_of_ups > 1e-6:
            downs = np.arange(num_prompts - ups + 1)
            chances = stats.binom.pmf(downs, num_prompts - ups, worse / (1 - better))
            for down in downs[chances > 1e-6]:
                values = [1.0] * ups + [-1.0] * down + [0.0] * (num_prompts - ups - down)
                likely.append((values, float(chance_of_ups * chances[down])))
    return likely


@pytest.mark.parametrize("num_prompts", [32, 64, 128])
@pytest.mark.parametrize("worse", [0.0, 0.02, 0.05])
def test_exact_chance_of_calling_a_difference_of_the_margin_equivalent(
    num_prompts: int, worse: float
) -> None:
    margin = 0.15
    false = better = 0.0
    for outcome, chance in outcomes(num_prompts, margin + worse, worse):
        finding = find(contrast_of("rival", np.array(outcome)), Terms(margin, 1.0), SENSITIVE)
        false += chance * (finding.kind in ("equivalent", "negligible"))
        better += chance * (finding.kind == "better")
    assert false <= 0.06
    assert better <= 0.025


SHAPES: dict[str, tuple[Callable[..., Floats], float]] = {
    "normal": (lambda rng, n: rng.normal(size=n), 0.0),
    "skewed": (lambda rng, n: rng.exponential(size=n), 1.0),
    "long tails": (lambda rng, n: rng.standard_t(3, size=n), 0.0),
    "like a distance": (lambda rng, n: rng.beta(1, 6, size=n), 1 / 7),
    "two in a hundred": (lambda rng, n: rng.choice([0, 1 / 3], p=[0.98, 0.02], size=n), 0.02 / 3),
    "graded shares": (
        lambda rng, n: rng.choice([-1, -1 / 3, 0, 1 / 3], p=[0.05, 0.1, 0.6, 0.25], size=n),
        0.0,
    ),
}


@pytest.mark.parametrize("num_prompts", [8, 32, 128])
@pytest.mark.parametrize("shape", SHAPES)
def test_coverage_of_intervals(shape: str, num_prompts: int) -> None:
    draw, mean = SHAPES[shape]
    bounds = SHARES if shape in ("two in a hundred", "graded shares") else None
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        pivot = pivot_of(list(draw(rng, num_prompts)), bounds, num_resamples=499)
        assert pivot is not None
        low, high = pivot.interval(0.95)
        assert low < high
        covered += low <= mean <= high
    assert at_least(covered, 400, 0.93)


@pytest.mark.parametrize("is_judged", [False, True])
@pytest.mark.parametrize("num_prompts", [64, 128])
def test_power_is_what_the_plan_says(num_prompts: int, is_judged: bool) -> None:
    """A baseline ahead by the plan's smallest effect is found best in 80 % of the studies."""
    deviation = 0.25
    seen = deviation_under_test(deviation, num_prompts, is_judged=is_judged)
    effect = smallest_effect(seen, num_prompts)
    rng = np.random.default_rng(3)
    bounds = SHARES if is_judged else None
    found = 0
    for _ in range(400):
        noise = rng.choice([-deviation, deviation], num_prompts)
        rival = contrast_of("rival", noise - effect, bounds)
        found += words([baseline_best([rival], TERMS, SENSITIVE, 0.0)]) == ["supported"]
    assert at_least(found, 400, 0.78)
    assert is_judged or at_most(found, 400, 0.82)


@pytest.mark.parametrize("is_judged", [False, True])
def test_the_smallest_margin_shows_no_difference_in_80_percent(is_judged: bool) -> None:
    margin = smallest_margin(0.25, 128, is_judged=is_judged)
    rng = np.random.default_rng(4)
    bounds = SHARES if is_judged else None
    found = 0
    for _ in range(400):
        rival = contrast_of("rival", rng.choice([-0.25, 0.25], 128), bounds)
        found += words([no_difference([rival], Terms(margin, 1.0), SENSITIVE)]) == ["supported"]
    assert at_least(found, 400, 0.78)


def test_the_argmax_set_holds_the_best_and_drops_the_clearly_worse() -> None:
    rng = np.random.default_rng(5)
    held = dropped = 0
    for _ in range(400):
        prompts = rng.normal(size=(NUM_PROMPTS, 1))
        scores = prompts + rng.normal(size=(NUM_PROMPTS, 5)) * 0.5 - [0, 0, 0, 0, 1.0]
        table = {str(index): list(column) for index, column in enumerate(scores.T)}
        p_values = argmax_p_values(table, None, num_draws=499)
        assert p_values is not None
        held += p_values["0"] > 0.05
        dropped += p_values["4"] <= 0.05
    assert at_least(held, 400, 0.95)
    assert dropped == 400


JUDGES: dict[str, Callable[[np.random.Generator, str, bool], float]] = {
    "constant": lambda rng, variant, swapped: 1.0,
    "random": lambda rng, variant, swapped: float(rng.integers(0, 5)) / 4,
    "without a number": lambda rng, variant, swapped: math.nan,
    "mostly without one": lambda rng, variant, swapped: 1.0 if rng.random() < 0.5 else math.nan,
    "fond of the baseline": lambda rng, variant, swapped: float(variant == "baseline"),
    "fond of the rival": lambda rng, variant, swapped: float(variant == "rival"),
    "hardly sensitive": lambda rng, variant, swapped: float(rng.random() < 0.9 - 0.1 * swapped),
    "fails on the rival": lambda rng, variant, swapped: (
        math.nan if variant == "rival" else float(not swapped)
    ),
}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("num_prompts", [8, 128, 512])
def test_a_broken_judge_decides_nothing(judge: str, num_prompts: int) -> None:
    rng = np.random.default_rng(11)
    # The swapped arm holds the baseline's images: a judge of images can't tell it from them.
    arms = (("baseline", "baseline", False), ("rival", "rival", False), ("sw", "baseline", True))
    for _ in range(10):
        rows = [
            {
                "variant": name,
                "phase": "screen",
                "prompt_id": f"p{prompt:04d}",
                "seed": 0,
                "category": "one",
                "alignment": JUDGES[judge](rng, images, is_swapped),
            }
            for name, images, is_swapped in arms
            for prompt in range(num_prompts)
        ]
        rival, swapped = (
            paired_contrast(rows, name, "baseline", "alignment", "screen")
            for name in ("rival", "sw")
        )
        assay = check_assay(swapped, TERMS)
        kinds: set[Kind] = {find(rival, TERMS, assay).kind}
        assert kinds == {"inconclusive"}
        evidence = [
            baseline_best([rival], TERMS, assay, 0.0),
            no_difference([rival], TERMS, assay),
            best_of_grid([rival], "baseline", TERMS, assay),
        ]
        assert words(evidence) == ["inconclusive"] * 3
