import numpy as np
import pytest
from scipy import stats

from zimage_eval.statistics.argmax_sets import argmax_p_values
from zimage_eval.statistics.multiplicity import benjamini_hochberg, holm


def test_holm_written_out() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_whole_numbers_are_p_values_too() -> None:
    assert benjamini_hochberg([1, 1, 0]) == [1.0, 1.0, 0.0]
    assert holm([1, 1, 0]) == [1.0, 1.0, 0.0]


def test_benjamini_hochberg_equals_stepping_up_by_hand() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        p_values = list(rng.beta(0.3, 3, size=rng.integers(1, 9)))
        ranked = sorted(p_values)
        cuts = [p for k, p in enumerate(ranked, 1) if p <= 0.1 * k / len(ranked)]
        rejected = [p <= max(cuts, default=-1) for p in p_values]
        assert [p <= 0.1 for p in benjamini_hochberg(p_values)] == rejected
    assert benjamini_hochberg([]) == []


def test_argmax_of_two_is_the_t_test() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 1, 30), rng.normal(0.3, 1, 30)
    p_values = argmax_p_values({"first": list(first), "second": list(second)}, None)
    assert p_values is not None
    lead = second - first
    p_value = stats.ttest_1samp(lead, 0, alternative="greater").pvalue
    assert p_values["first"] == pytest.approx(p_value, abs=0.01)
    assert p_values["second"] == pytest.approx(1 - p_value, abs=0.01)
    padded = argmax_p_values({"first": [0.0] * 30, "second": [1.0] * 6 + [0.0] * 24}, (-1, 1))
    expected = stats.ttest_1samp([1] * 6 + [0] * 24 + [1, -1], 0, alternative="greater").pvalue
    assert padded is not None and padded["first"] == pytest.approx(expected, abs=0.005)


def test_argmax_of_many_is_dunnetts_many_to_one_test() -> None:
    # Unpaired with a common spread, so only roughly: both are the maximum of correlated t's.
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(200, 5))
    scores[:, 1] += 0.25
    table = {str(index): list(column) for index, column in enumerate(scores.T)}
    p_values = argmax_p_values(table, None)
    dunnett = stats.dunnett(
        *scores[:, 1:].T, control=scores[:, 0], alternative="greater", random_state=0
    )
    assert p_values is not None
    assert p_values["0"] == pytest.approx(min(dunnett.pvalue), abs=0.03)


def test_argmax_set_always_holds_the_highest_mean() -> None:
    rng = np.random.default_rng(6)
    for size in (8, 40):
        scores = rng.normal(size=(size, 6))
        table = {str(index): list(column) for index, column in enumerate(scores.T)}
        p_values = argmax_p_values(table, None, num_draws=999)
        assert p_values is not None
        assert p_values[str(scores.mean(axis=0).argmax())] > 0.4


def test_argmax_refuses_what_it_can_not_compare() -> None:
    assert argmax_p_values({"a": [0.0] * 7, "b": [1.0] * 7}, (0, 1)) is None
    assert argmax_p_values({"a": [0.0] * 9, "b": [1.0] * 9}, None) is None
    with pytest.raises(ValueError, match="two variants"):
        argmax_p_values({"a": [0.0] * 9}, None)
    with pytest.raises(ValueError, match="same prompts"):
        argmax_p_values({"a": [0.0] * 9, "b": [0.0] * 8}, None)
    with pytest.raises(ValueError, match="NaN"):
        argmax_p_values({"a": [0.0] * 9, "b": [float("nan")] * 9}, None)
