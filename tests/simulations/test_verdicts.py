"""Verdicts of many made-up reports: how often they are wrong, and how often they see what is there.

Everything is seeded. The larger versions are marked `slow`.
"""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from tests.support.fakes.fake_reports import (
    SHARES,
    TERMS,
    at_least,
    at_most,
    compare,
    contrast_of,
    draw_null_report,
    draw_sharp_null_report,
    is_false_report,
    words,
)
from zimage_eval.questions import contrasts
from zimage_eval.questions.contrasts import Margin, check_assay, find, paired_contrast
from zimage_eval.questions.evidence import Evidence
from zimage_eval.questions.rules import grids
from zimage_eval.questions.rules.differs import NO_DIFFERENCE
from zimage_eval.questions.rules.gains import ALL_WORSE
from zimage_eval.questions.rules.grids import BEST_OF_GRID
from zimage_eval.statistics.argmax_sets import argmax_p_values
from zimage_eval.statistics.power import deviation_under_test, smallest_effect, smallest_margin
from zimage_eval.statistics.studentized import mean_test


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bootstraps of 999 draws, whose smallest p-value still passes Holm over eight pages."""
    monkeypatch.setattr(grids, "argmax_p_values", partial(argmax_p_values, num_draws=999))
    monkeypatch.setattr(contrasts, "mean_test", partial(mean_test, num_resamples=999))


NULL_REPORTS = (draw_null_report, draw_sharp_null_report)


def false_reports(
    draw: Callable[[np.random.Generator], list[Evidence]], num_reports: int, seed: int
) -> int:
    rng = np.random.default_rng(seed)
    return sum(is_false_report(draw(rng)) for _ in range(num_reports))


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
        found += words([ALL_WORSE.weigh(compare(rival))]) == ["supported"]
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
        evidence = NO_DIFFERENCE.weigh(compare(rival, terms=Margin(margin, 1.0)))
        found += words([evidence]) == ["supported"]
    assert at_least(found, 400, 0.78)


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
        assert find(rival, TERMS, assay).word == "open"
        weighed = [
            rule.weigh(compare(rival, assay=assay))
            for rule in (ALL_WORSE, NO_DIFFERENCE, BEST_OF_GRID)
        ]
        assert words(weighed) == ["open"] * 3
