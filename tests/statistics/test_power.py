import math

import pytest

from zimage_eval.statistics.power import (
    num_prompts_needed,
    plan_words,
    smallest_effect,
    smallest_margin,
)


def test_a_margin_takes_more_prompts_the_smaller_it_is() -> None:
    margin = smallest_margin(0.25, 128, is_judged=False)
    assert margin == pytest.approx(2.9264 * 0.25 / math.sqrt(128), rel=1e-4)
    assert margin >= smallest_effect(0.25, 128)
    assert num_prompts_needed(0.25, margin, is_judged=False) == 128
    assert num_prompts_needed(0.25, 0.05, is_judged=False) == 215
    assert num_prompts_needed(0.25, 0.1, is_judged=True) <= 128
    assert num_prompts_needed(0.25, 0.05, is_judged=True) <= 512
    with pytest.raises(ValueError, match="above 0"):
        num_prompts_needed(0.25, 0.0, is_judged=True)
    with pytest.raises(ValueError, match="takes more than"):
        num_prompts_needed(0.25, 1e-5, is_judged=True)


@pytest.mark.parametrize("is_judged", [False, True])
@pytest.mark.parametrize("margin", [0.02, 0.05, 0.1])
def test_the_prompts_needed_are_the_fewest_that_resolve(margin: float, is_judged: bool) -> None:
    needed = num_prompts_needed(0.25, margin, is_judged=is_judged)
    assert smallest_margin(0.25, needed, is_judged=is_judged) <= margin
    assert smallest_margin(0.25, needed - 1, is_judged=is_judged) > margin


@pytest.mark.parametrize(
    ("deviation", "margin", "planned"),
    [
        (0.22, 0.10, (64, 95, 125, 330, 330, 175)),
        (0.15, 0.10, (50, 66, 90, 230, 250, 150)),
        (0.22, 0.05, (192, 256, 350, 1_000, 1_200, 390)),
        (0.15, 0.05, (125, 175, 225, 640, 670, 330)),
    ],
)
def test_planned_words_are_those_of_simulated_studies(
    deviation: float, margin: float, planned: tuple[int, ...]
) -> None:
    """Simulated with real scores of one seed and of two: within three tenths."""
    words = plan_words(deviation, margin, is_judged=True)
    assert list(words) == pytest.approx(planned, rel=0.3)
    assert words.no_difference < words.yes < words.by_more < words.by_less


def test_words_of_an_unbounded_metric_follow_the_normal_test() -> None:
    """z(0.975) + z(0.80) standard errors for a difference as large as the margin."""
    words = plan_words(1.0, 0.5, is_judged=False)
    assert words.yes == 32 and words.by_more == 32
    with pytest.raises(ValueError, match="above 0"):
        plan_words(1.0, 0.0, is_judged=False)
