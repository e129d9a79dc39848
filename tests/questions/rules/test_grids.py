"""The levels that may be the best are inside a range, outside, or on both sides of its border."""

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, word_of
from zimage_eval.questions.rules.grids import BEST_OF_GRID, IN_RANGE

RNG = np.random.default_rng(0)
LEVELS = ("1", "2", "3", "4")


def grid(best: float, step: float = 0.15) -> list:
    """Levels 1 to 4 around a best one; the baseline is 0."""
    gains = {level: -step * abs(float(level) - best) for level in ("0", *LEVELS)}
    return [
        contrast_of(level, RNG.choice([-0.2, 0.2], 128) + gains[level] - gains["0"])
        for level in LEVELS
    ]


@pytest.mark.parametrize(
    ("best", "word"), [(3.0, "yes: inside"), (1.0, "no: outside"), (1.5, "open")]
)
def test_a_set_that_touches_is_not_inside(best: float, word: str) -> None:
    evidence = IN_RANGE.weigh(compare(*grid(best), inside=("2", "3")))
    assert word_of(evidence) == word
    if word == "open":
        assert set(evidence.sets[0][1]) == {"1", "2"}


def test_a_range_is_some_levels_and_not_all() -> None:
    for inside in ((), ("9",), ("baseline", *LEVELS)):
        with pytest.raises(ValueError, match="levels inside"):
            IN_RANGE.weigh(compare(*grid(3.0), inside=inside))


@pytest.mark.parametrize(("best", "word"), [(0.0, "yes: inside"), (2.0, "no: outside")])
def test_the_baseline_alone_is_the_best_of_a_grid(best: float, word: str) -> None:
    assert word_of(BEST_OF_GRID.weigh(compare(*grid(best)))) == word
    missing = contrast_of("missing", RNG.choice([-0.2, 0.2], 128))._replace(coverage=0.5)
    barred = BEST_OF_GRID.weigh(compare(*grid(best), missing))
    assert word_of(barred) == ("open" if best == 0 else word)
