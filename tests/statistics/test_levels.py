"""Keeping a recommended level, and ranges of levels, on means that leave no doubt."""

import numpy as np
import pytest

from zimage_eval.statistics.levels import Cost, Rival, keep_words, left_open, range_words
from zimage_eval.statistics.studentized import mean_test
from zimage_eval.statistics.words import read_word

MARGIN = 0.1


def rival(mean: float, cost: Cost, num_prompts: int = 800) -> Rival:
    values = mean + np.tile([0.05, -0.05], num_prompts // 2)
    test = mean_test(values.tolist(), (-1.0, 1.0))
    assert test is not None
    return Rival(test, cost)


@pytest.mark.parametrize(
    ("mean", "cost", "expected"),
    [
        (0.0, "equal", "keep"),
        (0.05, "dearer", "keep"),
        (0.2, "dearer", "change"),
        (0.05, "equal", "keep_or_change"),
        (0.2, "equal", "change"),
        (0.05, "cheaper", "change"),
        (-0.05, "cheaper", "keep_or_change"),
        (-0.2, "cheaper", "keep"),
    ],
)
def test_cost_decides_what_a_gain_must_be(mean: float, cost: Cost, expected: str) -> None:
    rung = read_word(keep_words({"a": rival(mean, cost)}, MARGIN), 0.05)
    assert rung is not None and rung.word == expected
    assert bool(rung.names(0.05)) == (expected != "keep")


def test_the_best_of_the_rivals_that_are_shown_is_named_first() -> None:
    rivals = {"a": rival(0.2, "equal"), "b": rival(0.4, "equal"), "c": rival(0.6, "equal", 8)}
    rivals["c"] = rivals["c"]._replace(test=rival(0.0, "equal", 8).test)
    rung = read_word(keep_words(rivals, MARGIN), 0.05)
    assert rung is not None and rung.names(0.05) == ("b", "a")


def test_what_leaves_keep_open_is_named() -> None:
    rivals = {"sure": rival(0.0, "equal"), "few": rival(0.0, "equal", 8)}
    assert read_word(keep_words(rivals, MARGIN), 0.05) is None
    assert left_open(rivals, MARGIN, 0.05) == ("few",)


def test_a_set_is_inside_outside_or_on_the_border() -> None:
    def word(p_values: list[float]) -> str | None:
        rung = read_word(range_words(dict(zip("abcd", p_values, strict=True)), "bc"), 0.05)
        return rung.word if rung else None

    assert word([0.01, 0.8, 0.2, 0.04]) == "inside"
    assert word([0.01, 0.01, 0.02, 0.9]) == "outside"
    assert word([0.01, 0.01, 0.3, 0.9]) is None
    with pytest.raises(ValueError, match="both are needed"):
        range_words({"b": 0.5}, "bc")
