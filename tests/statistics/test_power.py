import math

import pytest

from zimage_eval.statistics.power import (
    check_margin,
    num_prompts_needed,
    smallest_effect,
    smallest_margin,
)


def test_margins_that_a_size_does_not_resolve_are_refused() -> None:
    margin = smallest_margin(0.25, 128, is_judged=False)
    assert margin == pytest.approx(2.9264 * 0.25 / math.sqrt(128), rel=1e-4)
    assert margin >= smallest_effect(0.25, 128)
    check_margin(margin, 0.25, 128, is_judged=False)
    check_margin(0.1, 0.25, 128, is_judged=True)
    check_margin(0.05, 0.25, 512, is_judged=True)
    with pytest.raises(ValueError, match="it needs 215"):
        check_margin(0.05, 0.25, 128, is_judged=False)
    with pytest.raises(ValueError, match="above 0"):
        check_margin(0.0, 0.25, 128, is_judged=True)
    with pytest.raises(ValueError, match="takes more than"):
        check_margin(1e-5, 0.25, 128, is_judged=True)


@pytest.mark.parametrize("is_judged", [False, True])
@pytest.mark.parametrize("margin", [0.02, 0.05, 0.1])
def test_the_prompts_needed_are_the_fewest_that_resolve(margin: float, is_judged: bool) -> None:
    needed = num_prompts_needed(0.25, margin, is_judged=is_judged)
    assert smallest_margin(0.25, needed, is_judged=is_judged) <= margin
    assert smallest_margin(0.25, needed - 1, is_judged=is_judged) > margin
