import math
from collections.abc import Sequence

import numpy as np
import pytest

from tests.support.fakes.fake_reports import SHARES, TERMS, mixed
from zimage_eval.questions.contrasts import (
    SENSITIVE,
    Assay,
    Contrast,
    Finding,
    check_assay,
    find,
    paired_contrast,
)
from zimage_eval.statistics.power import smallest_effect


def contrast_of(
    values: Sequence[float], bounds: tuple[float, float] | None = SHARES, coverage: float = 1.0
) -> Contrast:
    differences = {f"p{index:04d}": float(value) for index, value in enumerate(values)}
    return Contrast("rival", "alignment", differences, coverage, bounds, "higher")


def found(values: Sequence[float], bounds: tuple[float, float] | None = SHARES) -> Finding:
    return find(contrast_of(values, bounds), TERMS, SENSITIVE)


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
    assert none.reason.startswith("0 prompts") and none[2:] == (0, 1.0, *[None] * 4)
    exact = found([8.0] * 64, None)
    assert exact.kind == "inconclusive" and "equality" in exact.reason
    blind = find(contrast_of([0.0] * 128), TERMS, Assay(is_sensitive=False, reason="blind"))
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
