"""How often intervals hold the truth: summed over all outcomes where they can be counted."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from tests.support.fakes.fake_reports import SHARES, Floats, at_least, contrast_of
from zimage_eval.questions.contrasts import SENSITIVE, Margin, find
from zimage_eval.statistics.argmax_sets import argmax_p_values
from zimage_eval.statistics.studentized import mean_test


@pytest.mark.parametrize("num_prompts", [8, 16, 32, 64, 128, 200, 296, 338])
def test_exact_coverage_of_sparse_binary_differences(num_prompts: int) -> None:
    """Summed over all outcomes, so nothing is left to chance; the sizes include the worst."""
    for better, worse in ((0.02, 0.0), (0.01, 0.01), (0.03, 0.0), (0.05, 0.01), (0.1, 0.0)):
        covered = 0.0
        for outcome, chance in outcomes(num_prompts, better, worse):
            test = mean_test(outcome, SHARES)
            assert test is not None
            low, high = test.interval(0.95)
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
        finding = find(contrast_of("rival", np.array(outcome)), Margin(margin, 1.0), SENSITIVE)
        false += chance * (finding.word in ("no_difference", "less", "worse_less"))
        better += chance * (finding.word == "more")
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
        test = mean_test(list(draw(rng, num_prompts)), bounds, num_resamples=499)
        assert test is not None
        low, high = test.interval(0.95)
        assert low < high
        covered += low <= mean <= high
    assert at_least(covered, 400, 0.93)


def test_the_argmax_set_holds_the_best_and_drops_the_clearly_worse() -> None:
    rng = np.random.default_rng(5)
    held = dropped = 0
    for _ in range(400):
        prompts = rng.normal(size=(64, 1))
        scores = prompts + rng.normal(size=(64, 5)) * 0.5 - [0, 0, 0, 0, 1.0]
        table = {str(index): list(column) for index, column in enumerate(scores.T)}
        p_values = argmax_p_values(table, None, num_draws=499)
        assert p_values is not None
        held += p_values["0"] > 0.05
        dropped += p_values["4"] <= 0.05
    assert at_least(held, 400, 0.95)
    assert dropped == 400
