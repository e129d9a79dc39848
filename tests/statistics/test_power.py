import math

import pytest

from zimage_eval.statistics.power import (
    num_prompts_needed,
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
