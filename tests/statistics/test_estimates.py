import numpy as np
import pytest
from scipy import stats

from zimage_eval.statistics.estimates import estimate, paired_differences, prompt_means, rounded


def test_seeds_are_averaged_first_and_missing_ones_left_out() -> None:
    scores = {("a", 1): 1.0, ("a", 2): 0.0, ("b", 1): 1.0, ("b", 2): None, ("c", 1): None}
    assert prompt_means(scores) == {"a": 0.5, "b": 1.0}


def test_differences_pair_by_prompt_and_seed() -> None:
    scores = {("a", 1): 0.9, ("a", 2): 0.5, ("b", 1): None}
    baseline = {("a", 1): 0.4, ("a", 3): 0.1, ("b", 1): 1.0}
    assert paired_differences(scores, baseline) == {("a", 1): 0.5}


def test_interval_is_scipys_t_interval() -> None:
    values = np.random.default_rng(0).normal(3, 2, 20)
    result = estimate(list(values), bounds=None)
    expected = stats.t.interval(0.95, 19, loc=values.mean(), scale=stats.sem(values))
    assert (result.low, result.high) == pytest.approx(expected)
    assert result.mean == pytest.approx(values.mean())
    assert result.num_prompts == 20


def test_no_interval_under_eight_prompts() -> None:
    assert estimate([0.0, 1.0] * 3 + [1.0], bounds=(0, 1))[2:] == (None, None)
    assert estimate([0.0, 1.0] * 4, bounds=(0, 1)).low is not None
    assert estimate([], bounds=None) == (0, None, None, None)


@pytest.mark.parametrize("constant", [-1.0, 0.0, 1.0])
def test_no_difference_of_shares_has_zero_width(constant: float) -> None:
    result = estimate([constant] * 64, bounds=(-1, 1))
    assert result.mean == constant
    assert result.low is not None and result.high is not None
    assert result.high - result.low > 0.04
    assert -1 <= result.low <= constant <= result.high <= 1


def test_an_exact_measurement_has_no_interval() -> None:
    assert estimate([8.0] * 64, bounds=None) == (64, 8.0, None, None)


def test_pseudo_prompts_widen_the_interval_but_leave_the_mean() -> None:
    values = [0.0] * 62 + [1.0, -0.5]
    plain, padded = estimate(values, bounds=None), estimate(values, bounds=(-1, 1))
    assert padded.mean == plain.mean
    assert padded.low < plain.low and padded.high > plain.high  # type: ignore[operator]


@pytest.mark.parametrize("num_prompts", [8, 16, 64])
@pytest.mark.parametrize(("better", "worse"), [(0.02, 0.0), (0.01, 0.01), (0.1, 0.02), (0.3, 0.1)])
def test_coverage_of_binary_differences(num_prompts: int, better: float, worse: float) -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        draws = rng.random(num_prompts)
        differences = (draws < better).astype(float) - (draws > 1 - worse)
        result = estimate(list(differences), bounds=(-1, 1))
        hits += result.low <= better - worse <= result.high  # type: ignore[operator]
    assert hits / 400 >= 0.93


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.12345678, 0.123457), (1234567.8, 1234570.0), (-0.0, 0.0), (3.0, 3.0), (None, None)],
)
def test_six_significant_digits(value: float | None, expected: float | None) -> None:
    assert rounded(value) == expected
    assert "-0" not in str(rounded(-0.0))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_result_is_finite(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        rounded(value)
