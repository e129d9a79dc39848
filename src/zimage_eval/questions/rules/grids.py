"""The rules `best_of_grid` and `in_range`: which levels of a grid may be the best."""

from zimage_eval.questions.rules.comparison import Comparison, Ladder, Rule, Tests
from zimage_eval.statistics.argmax_sets import argmax_p_values
from zimage_eval.statistics.levels import range_words
from zimage_eval.statistics.words import LEVEL

NO_SET = "too few prompts are scored in all levels, or they agree too exactly"


def climb_best_of_grid(comparison: Comparison, tests: Tests) -> Ladder | str:
    """The words on "is the baseline alone the best of the grid?".

    Of a tie for the best, both words are wrong: each gets half of the level.
    """
    p_values = _p_values(comparison, tests)
    if p_values is None:
        return NO_SET
    rungs = [
        rung._replace(p_value=2 * rung.p_value)
        for rung in range_words(p_values, {comparison.baseline})
    ]
    return _ladder(p_values, tests)._replace(rungs=rungs)


def climb_in_range(comparison: Comparison, tests: Tests) -> Ladder | str:
    """The words on "is the best level among those that the claim names?".

    Raises:
        ValueError: the claim names no level of the grid, or all of them.
    """
    if len(tests) < len(comparison.contrasts):
        return "a level was not measured"  # it may be the best
    p_values = _p_values(comparison, tests)
    if p_values is None:
        return NO_SET
    return _ladder(p_values, tests)._replace(rungs=range_words(p_values, comparison.inside))


def _p_values(comparison: Comparison, tests: Tests) -> dict[str, float] | None:
    levels = comparison.gains_of_levels(tests)
    gains = {level: list(by_prompt.values()) for level, by_prompt in levels.items()}
    return argmax_p_values(gains, comparison.contrasts[0].bounds)


def _ladder(p_values: dict[str, float], tests: Tests) -> Ladder:
    best = tuple(level for level, p_value in p_values.items() if p_value > LEVEL)
    return Ladder(
        rungs=(), closest=max(tests, key=lambda name: tests[name].mean), sets={"all": best}
    )


BEST_OF_GRID = Rule(
    hypothesis="the baseline alone may be the best of a grid",
    yes=("inside",),
    no=("outside",),
    climb=climb_best_of_grid,
    need_all=("inside",),
)
IN_RANGE = Rule(
    hypothesis="the best level is among those that are named",
    yes=("inside",),
    no=("outside",),
    climb=climb_in_range,
)
