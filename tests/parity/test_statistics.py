"""Holm, planned effects and the studentized bootstrap, held to statsmodels and arch."""

import numpy as np
import pytest
from arch.bootstrap import IIDBootstrap
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower, zt_ind_solve_power

from zimage_eval.statistics.multiplicity import holm
from zimage_eval.statistics.power import smallest_effect
from zimage_eval.statistics.studentized import NUM_RESAMPLES, SEED, mean_test


def test_holm_is_statsmodels_bit_for_bit() -> None:
    """With ties too. Ours stays because `multipletests` collects garbage in every call: 0.05 s."""
    rng = np.random.default_rng(0)
    for digits in (1, 2, 17):
        for size in (1, 2, 9, 60):
            p_values = rng.beta(0.3, 3, size=size).round(digits).tolist()
            assert holm(p_values) == multipletests(p_values, method="holm")[1].tolist()


@pytest.mark.parametrize("num_prompts", [8, 64, 128, 512])
def test_the_smallest_effect_is_that_of_the_normal_test(num_prompts: int) -> None:
    # the smaller tail of a two-sided test is left out: it adds a millionth of power
    wanted = zt_ind_solve_power(
        nobs1=num_prompts, alpha=0.025, power=0.8, ratio=0, alternative="larger"
    )
    assert smallest_effect(0.25, num_prompts) == pytest.approx(0.25 * wanted, rel=1e-4)


@pytest.mark.parametrize(("num_prompts", "least_power"), [(8, 0.65), (64, 0.785), (512, 0.798)])
def test_students_test_has_nearly_the_planned_power(num_prompts: int, least_power: float) -> None:
    power = TTestPower().power(smallest_effect(1.0, num_prompts), num_prompts, 0.05)
    assert least_power < power < 0.8


@pytest.mark.parametrize("size", [8, 40])
def test_bootstrap_draws_are_archs(size: int) -> None:
    """The same resamples give the same t-statistics, whose quantiles are arch's interval."""
    values = np.random.default_rng(size).exponential(size=size)

    def error(mean: float, resample: np.ndarray) -> float:
        return float(stats.sem(resample))

    low, high = IIDBootstrap(values, seed=np.random.default_rng(SEED)).conf_int(
        np.mean, NUM_RESAMPLES, method="studentized", std_err_func=error
    )[:, 0]
    means = IIDBootstrap(values, seed=np.random.default_rng(SEED)).apply(np.mean, NUM_RESAMPLES)
    test = mean_test(values.tolist(), None)
    assert test is not None
    # arch scales by the bootstrap's standard error, ours by the sample's
    archs = (values.mean() - np.array([high, low])) / means.std()
    assert archs == pytest.approx(np.quantile(test.draws, [0.025, 0.975]), rel=1e-9)
    ends = test.interval(0.95)
    assert ends[1] == pytest.approx(values.mean() - archs[0] * test.error, rel=1e-3)
    student = stats.t.interval(0.95, size - 1, loc=values.mean(), scale=test.error)
    assert ends[0] == student[0] < values.mean() - archs[1] * test.error  # its floor is Student's
