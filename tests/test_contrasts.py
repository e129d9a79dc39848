import math
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from zimage_eval.contrasts import (
    Assay,
    Contrast,
    Finding,
    Terms,
    check_assay,
    find,
    paired_contrast,
)
from zimage_eval.pivots import pivot_of
from zimage_eval.plan import smallest_effect
from zimage_eval.sample_sizes import (
    check_margin,
    deviation_under_test,
    num_prompts_needed,
    smallest_margin,
)
from zimage_eval.statistics import estimate

TERMS = Terms(margin=0.1, min_coverage=0.9)
SENSITIVE = Assay(True, "")
SHARES = (-1.0, 1.0)


def contrast_of(
    values: Sequence[float], bounds: tuple[float, float] | None = SHARES, coverage: float = 1.0
) -> Contrast:
    differences = {f"p{index:04d}": float(value) for index, value in enumerate(values)}
    return Contrast("rival", "alignment", differences, coverage, bounds, "higher")


def found(values: Sequence[float], bounds: tuple[float, float] | None = SHARES) -> Finding:
    return find(contrast_of(values, bounds), TERMS, SENSITIVE)


def mixed(share_better: float, share_worse: float, num_prompts: int = 128) -> list[float]:
    better, worse = round(share_better * num_prompts), round(share_worse * num_prompts)
    return [1.0] * better + [-1.0] * worse + [0.0] * (num_prompts - better - worse)


def test_interval_of_shares_is_the_summaries_interval() -> None:
    values = mixed(0.1, 0.05)
    pivot = pivot_of(values, SHARES)
    assert pivot is not None
    assert pivot.interval(0.95) == pytest.approx(estimate(values, SHARES)[2:])


def test_p_values_of_shares_are_scipys_with_the_pseudo_prompts() -> None:
    values = mixed(0.2, 0.05)
    pivot = pivot_of(values, SHARES)
    assert pivot is not None
    expected = stats.ttest_1samp([*values, -1, 1], 0, alternative="greater").pvalue
    assert pivot.p_above(0) == pytest.approx(expected)
    assert pivot.p_below(0) == pytest.approx(1 - expected)


def test_bootstrap_agrees_with_student_on_normal_values_and_is_never_narrower() -> None:
    values = list(np.random.default_rng(0).normal(0.3, 1, 256))
    pivot = pivot_of(values, None)
    assert pivot is not None
    student = stats.t.interval(0.95, 255, loc=np.mean(values), scale=stats.sem(values))
    interval = pivot.interval(0.95)
    assert interval == pytest.approx(student, abs=0.02)
    assert interval[0] <= student[0] and student[1] <= interval[1]
    expected = stats.ttest_1samp(values, 0.2, alternative="greater").pvalue
    assert expected <= pivot.p_above(0.2) == pytest.approx(expected, abs=0.01)


def test_bootstrap_is_studentized_as_written_out() -> None:
    values = np.random.default_rng(3).exponential(size=20)
    pivot = pivot_of(list(values), None, num_resamples=4_999)
    assert pivot is not None
    rng = np.random.default_rng(99)
    draws = []
    for _ in range(4_999):
        sample = rng.choice(values, 20)
        draws.append((sample.mean() - values.mean()) / stats.sem(sample))
    high = values.mean() - np.quantile(draws, 0.025) * stats.sem(values)
    assert pivot.interval(0.95)[1] == pytest.approx(high, rel=0.05)


def test_equal_values_give_equal_numbers() -> None:
    values = list(np.random.default_rng(1).gamma(2, size=40))
    first, second = pivot_of(values, None), pivot_of(values, None)
    assert first is not None and second is not None
    assert first.interval(0.95) == second.interval(0.95)
    assert first.p_above(1.5) == second.p_above(1.5)


@pytest.mark.parametrize("bounds", [SHARES, None])
@pytest.mark.parametrize("null", [-0.1, 0.0, 0.07])
def test_tests_and_intervals_agree(bounds: tuple[float, float] | None, null: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        pivot = pivot_of(list(np.clip(rng.normal(0.05, 0.3, 30), -1, 1)), bounds, 999)
        assert pivot is not None
        low, high = pivot.interval(0.95)
        if pivot.p_above(null) < 0.024:
            assert low > null
        if pivot.p_below(null) < 0.024:
            assert high < null
        assert low < pivot.center < high


def test_no_interval_has_zero_width() -> None:
    for constant in (-1.0, 0.0, 0.5, 1.0):
        pivot = pivot_of([constant] * 512, SHARES)
        assert pivot is not None
        low, high = pivot.interval(0.90)
        assert high - low > 0.004
    assert pivot_of([3.0] * 64, None) is None
    assert pivot_of([0.0] * 63 + [1.0], None) is None  # a third of the resamples have no spread


def test_none_under_eight_prompts_and_nothing_that_is_no_number() -> None:
    assert pivot_of([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], None) is None
    assert pivot_of([0.0] * 8, SHARES) is not None
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            pivot_of([bad] * 8, None)
    with pytest.raises(ValueError, match=r"in \[-1.0, 1.0\]"):
        pivot_of([2.0] * 8, SHARES)


def test_each_finding() -> None:
    assert found([0.0] * 128).kind == "equivalent"
    assert found(mixed(0.05, 0.0, 512)).kind == "negligible"
    assert found(mixed(0.4, 0.05)).kind == "better"
    assert found(mixed(0.05, 0.4)).kind == "worse"
    assert found(mixed(0.2, 0.05)).kind == "direction_only"
    assert found(mixed(0.3, 0.25)).kind == "unresolved"
    steady = np.random.default_rng(0).normal(0.03, 0.02, 128)
    assert found(list(steady), None).kind == "negligible"
    assert found(list(steady + 0.2), None).kind == "better"


def test_a_finding_turns_with_the_metrics_good_end() -> None:
    contrast = contrast_of(mixed(0.4, 0.0))
    worse = find(contrast._replace(better="lower"), TERMS, SENSITIVE)
    better = find(contrast, TERMS, SENSITIVE)
    assert (better.kind, worse.kind) == ("better", "worse")
    assert (worse.gain, worse.low, worse.high) == pytest.approx(
        (-better.gain, -better.high, -better.low)  # type: ignore[operator]
    )
    assert find(contrast._replace(better=None), TERMS, SENSITIVE).kind == "higher"


def test_unresolved_says_what_this_size_could_see() -> None:
    values = list(np.random.default_rng(0).normal(0, 1, 64))
    effect = found(values, None).smallest_effect
    assert effect == pytest.approx(smallest_effect(float(np.std(values, ddof=1)), 64))


def test_too_little_coverage_too_few_prompts_or_no_assay_is_inconclusive() -> None:
    low = find(contrast_of([0.0] * 128, coverage=0.8), TERMS, SENSITIVE)
    assert low.kind == "inconclusive" and "80%" in low.reason
    few = found([0.0] * 7)
    assert few.kind == "inconclusive" and "7 prompts" in few.reason
    none = found([])
    assert none.reason.startswith("0 prompts") and none[2:] == (0, 1.0, *[None] * 6)
    exact = found([8.0] * 64, None)
    assert exact.kind == "inconclusive" and "equality" in exact.reason
    blind = find(contrast_of([0.0] * 128), TERMS, Assay(False, "blind"))
    assert (blind.kind, blind.reason) == ("inconclusive", "blind")


def test_the_assay_needs_a_loss_beyond_the_margin() -> None:
    assert check_assay(contrast_of(mixed(0.0, 0.5)), TERMS).is_sensitive
    for values in ([0.0] * 128, mixed(0.5, 0.0), mixed(0.0, 0.13), []):
        assay = check_assay(contrast_of(values), TERMS)
        assert not assay.is_sensitive and "swapped prompts" in assay.reason


def test_rows_of_a_score_table_become_a_contrast() -> None:
    def row(
        variant: str, prompt: str, seed: int, score: float | None, phase: str = "screen"
    ) -> dict[str, object]:
        keys = ("variant", "phase", "prompt_id", "seed", "category", "alignment", "lpips")
        return dict(zip(keys, (variant, phase, prompt, seed, "one", score, None), strict=True))

    rows = [
        *[row("a", "p1", 1, 1.0), row("a", "p1", 2, 0.5), row("a", "p2", 1, math.nan)],
        *[row("b", "p1", 1, 0.0), row("b", "p1", 2, 0.5), row("b", "p2", 1, 1.0)],
        *[row("b", "p3", 1, None), row("a", "p3", 1, math.inf), row("a", "p4", 1, 1.0, "confirm")],
    ]
    contrast = paired_contrast(rows, "a", "b", "alignment", "screen")
    assert contrast.differences == {"p1": 0.5}
    assert contrast.coverage == 0.5
    assert contrast.bounds == (-1, 1)
    with pytest.raises(ValueError, match="noise scale"):
        paired_contrast(rows, "a", "b", "lpips", "screen")
    with pytest.raises(ValueError, match="no screen scores of 'x' and 'y'"):
        paired_contrast(rows, "x", "y", "alignment", "screen")
    with pytest.raises(ValueError, match="'two'"):
        paired_contrast(rows, "a", "b", "alignment", "screen", "two")


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


def test_pseudo_prompts_cost_what_the_plan_is_told() -> None:
    values = list(np.random.default_rng(0).choice([-0.25, 0.25], 128))
    pivot = pivot_of(values, SHARES)
    assert pivot is not None
    seen = deviation_under_test(float(np.std(values, ddof=1)), 128, is_judged=True)
    assert pivot.error == pytest.approx(seen / math.sqrt(128), rel=0.02)
