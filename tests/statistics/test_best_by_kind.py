"""Levels and kinds: exact cases, and parity of the two tests that are the project's own."""

import numpy as np
import pytest
from scipy import stats

from zimage_eval.statistics.best_by_kind import (
    best_by_kind,
    difference_p_value,
    effect_varies,
    gains_by_kind,
    kinds_that_gain,
    permuted_p_value,
)
from zimage_eval.statistics.studentized import mean_test
from zimage_eval.statistics.words import read_word

BOUNDS = (-1.0, 1.0)
NUM_PROMPTS = 200


def scores(means: dict[str, float], seed: int) -> tuple[dict[str, float], dict[str, str]]:
    """Prompt -> gain, prompt -> kind."""
    generator = np.random.default_rng(seed)
    names = [f"{kind}{number:03}" for kind in means for number in range(NUM_PROMPTS)]
    gains = {n: means[n[0]] + float(generator.uniform(-0.1, 0.1)) for n in names}
    return gains, {name: name[0] for name in names}


def test_losing_by_unequal_amounts_is_no_dependence() -> None:
    """The effect varies with the kind; the best level does not."""
    rival, categories = scores({"a": -0.5, "b": -0.2}, 0)
    table = gains_by_kind({"base": dict.fromkeys(rival, 0.0), "rival": rival}, categories, BOUNDS)
    assert table is not None
    rung = read_word(best_by_kind(table, 0.1) or (), 0.05)
    assert rung is not None and (rung.word, rung.names(0.05)) == ("no", ("base",))
    rung = read_word(kinds_that_gain(table, "base", 0.1) or (), 0.05)
    assert rung is not None and rung.word == "no"
    rung = read_word(effect_varies(rival, categories, 0.1, BOUNDS) or (), 0.05)
    assert rung is not None and (rung.word, rung.names(0.05)) == ("more", ("b > a",))


def test_another_best_in_one_kind_is_named() -> None:
    rival, categories = scores({"a": -0.3, "b": 0.3, "c": 0.0}, 1)
    table = gains_by_kind({"base": dict.fromkeys(rival, 0.0), "rival": rival}, categories, BOUNDS)
    assert table is not None
    rung = read_word(best_by_kind(table, 0.1) or (), 0.05)
    assert rung is not None and rung.word == "more"
    rung = read_word(kinds_that_gain(table, "base", 0.1) or (), 0.05)
    assert rung is not None and (rung.word, rung.names(0.05)) == ("more", ("b",))


def test_equal_effects_can_be_shown() -> None:
    rival, categories = scores({"a": 0.2, "b": 0.2, "c": 0.21}, 2)
    rung = read_word(effect_varies(rival, categories, 0.1, BOUNDS) or (), 0.05)
    assert rung is not None and rung.word == "no"


def test_kinds_of_few_prompts_are_left_out() -> None:
    rival, categories = scores({"a": 0.2, "b": 0.2}, 3)
    few = {name: gain for name, gain in rival.items() if name[0] == "a" or name < "b007"}
    assert gains_by_kind({"base": rival, "rival": few}, categories, BOUNDS) is None
    assert effect_varies(few, categories, 0.1, BOUNDS) is None


def test_kinds_are_compared_by_welch() -> None:
    generator = np.random.default_rng(4)
    first, second = generator.uniform(-0.4, 0.8, 30), generator.uniform(-0.2, 0.3, 50)
    tests = [mean_test(values.tolist(), BOUNDS) for values in (first, second)]
    assert tests[0] is not None and tests[1] is not None
    padded = [np.concatenate([values, BOUNDS]) for values in (first, second)]
    expected = stats.ttest_ind(padded[0] - 0.1, padded[1], equal_var=False, alternative="greater")
    assert difference_p_value(tests[0], tests[1], 0.1) == pytest.approx(expected.pvalue, rel=1e-9)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_of_two_kinds_the_permutation_is_nearly_welchs_test(shift: float) -> None:
    generator = np.random.default_rng(5)
    values = generator.normal(size=200) + np.repeat([0.0, shift], 100)
    expected = stats.ttest_ind(values[:100], values[100:], equal_var=False).pvalue
    p_value = permuted_p_value(values, ["a"] * 100 + ["b"] * 100)
    assert p_value == pytest.approx(max(expected, 1e-4), abs=0.01)
