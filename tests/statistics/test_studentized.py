import math

import numpy as np
import pytest
from scipy import stats

from tests.support.fakes.fake_reports import SHARES, mixed
from zimage_eval.statistics.estimates import estimate
from zimage_eval.statistics.power import deviation_under_test
from zimage_eval.statistics.studentized import mean_test


def test_interval_of_shares_is_the_summaries_interval() -> None:
    values = mixed(0.1, 0.05)
    test = mean_test(values, SHARES)
    assert test is not None
    assert test.interval(0.95) == pytest.approx(estimate(values, SHARES)[2:])


def test_p_values_of_shares_are_scipys_with_the_pseudo_prompts() -> None:
    values = mixed(0.2, 0.05)
    test = mean_test(values, SHARES)
    assert test is not None
    expected = stats.ttest_1samp([*values, -1, 1], 0, alternative="greater").pvalue
    assert test.p_above(0) == pytest.approx(expected)
    assert test.p_below(0) == pytest.approx(1 - expected)


def test_bootstrap_agrees_with_student_on_normal_values_and_is_never_narrower() -> None:
    values = list(np.random.default_rng(0).normal(0.3, 1, 256))
    test = mean_test(values, None)
    assert test is not None
    student = stats.t.interval(0.95, 255, loc=np.mean(values), scale=stats.sem(values))
    interval = test.interval(0.95)
    assert interval == pytest.approx(student, abs=0.02)
    assert interval[0] <= student[0] and student[1] <= interval[1]
    expected = stats.ttest_1samp(values, 0.2, alternative="greater").pvalue
    assert expected <= test.p_above(0.2) == pytest.approx(expected, abs=0.01)


def test_bootstrap_is_studentized_as_written_out() -> None:
    values = np.random.default_rng(3).exponential(size=20)
    test = mean_test(list(values), None, num_resamples=4_999)
    assert test is not None
    rng = np.random.default_rng(99)
    draws = []
    for _ in range(4_999):
        sample = rng.choice(values, 20)
        draws.append((sample.mean() - values.mean()) / stats.sem(sample))
    high = values.mean() - np.quantile(draws, 0.025) * stats.sem(values)
    assert test.interval(0.95)[1] == pytest.approx(high, rel=0.05)


def test_equal_values_give_equal_numbers() -> None:
    values = list(np.random.default_rng(1).gamma(2, size=40))
    first, second = mean_test(values, None), mean_test(values, None)
    assert first is not None and second is not None
    assert first.interval(0.95) == second.interval(0.95)
    assert first.p_above(1.5) == second.p_above(1.5)


@pytest.mark.parametrize("bounds", [SHARES, None])
@pytest.mark.parametrize("null", [-0.1, 0.0, 0.07])
def test_tests_and_intervals_agree(bounds: tuple[float, float] | None, null: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        test = mean_test(list(np.clip(rng.normal(0.05, 0.3, 30), -1, 1)), bounds, 999)
        assert test is not None
        low, high = test.interval(0.95)
        if test.p_above(null) < 0.024:
            assert low > null
        if test.p_below(null) < 0.024:
            assert high < null
        assert low < test.center < high


def test_no_interval_has_zero_width() -> None:
    for constant in (-1.0, 0.0, 0.5, 1.0):
        test = mean_test([constant] * 512, SHARES)
        assert test is not None
        low, high = test.interval(0.90)
        assert high - low > 0.004
    assert mean_test([3.0] * 64, None) is None
    assert mean_test([0.0] * 63 + [1.0], None) is None  # a third of the resamples have no spread


def test_none_under_eight_prompts_and_nothing_that_is_no_number() -> None:
    assert mean_test([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], None) is None
    assert mean_test([0.0] * 8, SHARES) is not None
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            mean_test([bad] * 8, None)
    with pytest.raises(ValueError, match=r"in \[-1.0, 1.0\]"):
        mean_test([2.0] * 8, SHARES)


def test_pseudo_prompts_cost_what_the_plan_is_told() -> None:
    values = list(np.random.default_rng(0).choice([-0.25, 0.25], 128))
    test = mean_test(values, SHARES)
    assert test is not None
    seen = deviation_under_test(float(np.std(values, ddof=1)), 128, is_judged=True)
    assert test.error == pytest.approx(seen / math.sqrt(128), rel=0.02)


@pytest.mark.parametrize("bounds", [SHARES, None])
def test_losses_are_gains_with_the_other_sign(bounds: tuple[float, float] | None) -> None:
    values = np.random.default_rng(3).normal(0.1, 0.2, 40).clip(-1, 1)
    test = mean_test(values.tolist(), bounds)
    assert test is not None
    mirrored = test.mirrored()
    low, high = test.interval(0.95)
    assert mirrored.interval(0.95) == pytest.approx((-high, -low))
    for null in (-0.1, 0.0, 0.1):
        assert mirrored.p_above(null) == pytest.approx(test.p_below(-null))
    assert mirrored.mirrored().p_above(0.05) == pytest.approx(test.p_above(0.05))


def test_a_mean_is_told_relative_to_a_number() -> None:
    test = mean_test(np.random.default_rng(4).normal(30, 2, 40).tolist(), None)
    assert test is not None
    above = test.relative_to(29.0)
    assert above.p_above(0.5) == pytest.approx(test.p_above(29.5))
    assert above.interval(0.9) == pytest.approx(tuple(end - 29 for end in test.interval(0.9)))
