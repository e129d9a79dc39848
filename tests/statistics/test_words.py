"""Graded words: closed forms of their p-values, and that words and printed intervals agree."""

import numpy as np
import pytest
from scipy import stats

from zimage_eval.statistics.studentized import MeanTest, mean_test
from zimage_eval.statistics.words import (
    Rung,
    all_gain_words,
    any_gain_words,
    difference_words,
    full_p_value,
    gain_words,
    read_word,
    report_level,
)

BOUNDS = (-1.0, 1.0)
MARGIN = 0.1


def shares(mean: float, num_prompts: int = 400) -> MeanTest:
    """Of differences that are half 0, half twice the mean."""
    values = np.tile([0.0, 2 * mean], num_prompts // 2)
    test = mean_test(
        (values + np.tile([0.05, 0.05, -0.05, -0.05], num_prompts // 4)).tolist(), BOUNDS
    )
    assert test is not None
    return test


def word(rungs: tuple[Rung, ...], level: float = 0.05) -> str | None:
    rung = read_word(rungs, level)
    return rung.word if rung else None


@pytest.mark.parametrize(
    ("mean", "expected"),
    [
        (0.3, "more"),
        (0.05, "less"),
        (0.0, "no_difference"),
        (-0.05, "worse_less"),
        (-0.3, "worse_more"),
    ],
)
def test_many_prompts_earn_the_full_word(mean: float, expected: str) -> None:
    rungs = gain_words(shares(mean), MARGIN, "arm")
    assert word(rungs) == expected
    rung = read_word(rungs, 0.05)
    assert rung is not None and rung.is_full and rung.names(0.05) == ("arm",)


@pytest.mark.parametrize("mean", [-0.31, -0.17, -0.1, -0.04, 0.0, 0.03, 0.1, 0.16, 0.4])
def test_more_is_the_printed_interval_beyond_the_margin(mean: float) -> None:
    test = shares(mean, num_prompts=40)
    low, high = test.interval(0.95)
    earned = {rung.word: rung.p_value <= 0.05 for rung in gain_words(test, MARGIN, "arm")}
    assert earned["more"] == (low > MARGIN)
    assert earned["worse_more"] == (high < -MARGIN)
    assert earned["size_open"] == (low > 0)
    assert earned["worse_size_open"] == (high < 0)


def test_p_values_are_those_of_students_t() -> None:
    values = np.random.default_rng(0).normal(0.15, 0.2, size=60).clip(-1, 1)
    padded = np.concatenate([values, BOUNDS])
    test = mean_test(values.tolist(), BOUNDS)
    assert test is not None
    rungs = {rung.word: rung for rung in gain_words(test, MARGIN, "arm")}
    beyond = stats.ttest_1samp(padded, MARGIN, alternative="greater").pvalue
    assert rungs["more"].p_value == pytest.approx(2 * beyond, rel=1e-9)
    below = stats.ttest_1samp(padded, 0, alternative="less").pvalue
    assert rungs["worse_size_open"].p_value == pytest.approx(2 * below, rel=1e-9)


def test_any_arm_is_corrected_and_all_arms_are_not() -> None:
    tests = {"good": shares(0.3), "equal": shares(0.0), "bad": shares(-0.3)}
    rung = read_word(any_gain_words(tests, MARGIN), 0.05)
    assert rung is not None and (rung.word, rung.names(0.05)) == ("more", ("good",))
    alone = any_gain_words({"good": tests["good"]}, MARGIN)[0].p_value
    assert any_gain_words(tests, MARGIN)[0].p_value == pytest.approx(3 * alone)
    del tests["good"]
    assert word(any_gain_words(tests, MARGIN)) == "no_gain"
    no_gain = any_gain_words(tests, MARGIN)[-1].p_value
    assert no_gain == max(test.p_below(MARGIN) for test in tests.values())


def test_all_arms_gain_only_if_the_weakest_does() -> None:
    assert word(all_gain_words({"a": shares(0.3), "b": shares(0.25)}, MARGIN)) == "more"
    assert word(all_gain_words({"a": shares(0.3), "b": shares(0.05)}, MARGIN)) == "less"
    rung = read_word(all_gain_words({"a": shares(0.3), "b": shares(-0.05)}, MARGIN), 0.05)
    assert rung is not None and (rung.word, rung.names(0.05)) == ("no", ("b",))


def test_a_difference_has_no_direction() -> None:
    assert word(difference_words({"a": shares(0.0), "b": shares(-0.3)}, MARGIN)) == "more"
    assert word(difference_words({"a": shares(0.0), "b": shares(-0.05)}, MARGIN)) == "less"
    assert word(difference_words({"a": shares(0.0)}, MARGIN)) == "no_difference"


def test_nothing_to_compare_is_refused() -> None:
    for words in (any_gain_words, all_gain_words, difference_words):
        with pytest.raises(ValueError, match="no arm to compare"):
            words({}, MARGIN)


def test_the_level_of_a_report() -> None:
    """0.05 R / M, where R is what Benjamini and Hochberg select."""
    assert report_level([1e-6] * 8 + [0.9] * 2) == pytest.approx(0.05 * 8 / 10)
    assert report_level([1e-6] * 10) == pytest.approx(0.05)
    assert report_level([0.5] * 4) == 0.05
    assert report_level([0.02] + [0.9] * 9) == 0.05, "0.02 is not selected among ten"


def test_open_has_no_full_p_value_below_one() -> None:
    rungs = (Rung("part", 0.01, False), Rung("full", 0.2, True))
    assert full_p_value(rungs) == 0.2
    assert full_p_value(()) == 1.0
    assert read_word((), 0.05) is None
