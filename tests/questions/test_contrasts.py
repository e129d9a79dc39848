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
    Margin,
    check_assay,
    find,
    margin_of_gains,
    paired_contrast,
)


def contrast_of(
    values: Sequence[float], bounds: tuple[float, float] | None = SHARES, coverage: float = 1.0
) -> Contrast:
    differences = {f"p{index:04d}": float(value) for index, value in enumerate(values)}
    return Contrast("rival", "alignment", differences, coverage, bounds, "higher")


def found(values: Sequence[float], bounds: tuple[float, float] | None = SHARES) -> Finding:
    return find(contrast_of(values, bounds), TERMS, SENSITIVE)


def test_each_word_of_a_single_rival() -> None:
    assert found([0.0] * 128).word == "no_difference"
    assert found(mixed(0.05, 0.0, 512)).word == "less"
    assert found(mixed(0.4, 0.05)).word == "more"
    assert found(mixed(0.05, 0.4)).word == "worse_more"
    assert found(mixed(0.2, 0.05)).word == "size_open"
    assert found(mixed(0.3, 0.25)).word == "no_loss"
    assert found(mixed(0.3, 0.3)).word == "open"
    steady = np.random.default_rng(0).normal(0.03, 0.02, 128)
    assert found(list(steady), None).word == "less"
    assert found(list(steady + 0.2), None).word == "more"


def test_a_finding_turns_with_the_metrics_good_end() -> None:
    contrast = contrast_of(mixed(0.4, 0.0))
    worse = find(contrast._replace(better="lower"), TERMS, SENSITIVE)
    better = find(contrast, TERMS, SENSITIVE)
    assert (better.word, worse.word) == ("more", "worse_more")
    assert (worse.gain, worse.low, worse.high) == pytest.approx(
        (-better.gain, -better.high, -better.low)  # type: ignore[operator]
    )


def test_too_little_coverage_too_few_prompts_or_no_assay_leaves_it_open() -> None:
    low = find(contrast_of([0.0] * 128, coverage=0.8), TERMS, SENSITIVE)
    assert low.word == "open" and "80%" in low.reason
    few = found([0.0] * 7)
    assert few.word == "open" and "7 prompts" in few.reason
    none = found([])
    assert none.reason.startswith("0 prompts") and none[2:] == (0, 1.0, *[None] * 3)
    exact = found([8.0] * 64, None)
    assert exact.word == "open" and "equality" in exact.reason
    blind = find(contrast_of([0.0] * 128), TERMS, Assay(is_sensitive=False, reason="blind"))
    assert (blind.word, blind.reason) == ("open", "blind")


def test_a_skewed_metric_takes_more_prompts_for_a_word_and_has_its_interval_before() -> None:
    contrast = contrast_of(mixed(0.4, 0.0, 64))._replace(min_prompts=128)
    finding = find(contrast, TERMS, SENSITIVE)
    assert finding.word == "open" and "128 prompts for a word, not 64" in finding.reason
    assert finding.low is not None and finding.low > TERMS.margin
    assert contrast.mean_test(TERMS) is None


def test_sharpness_is_compared_by_its_ratio() -> None:
    rng = np.random.default_rng(0)
    scores = np.exp(rng.normal(6, 1, 128))
    rows = [
        {
            "variant": variant,
            "phase": "screen",
            "prompt_id": f"p{index:03d}",
            "seed": 0,
            "category": "one",
            "sharpness": value * factor,
        }
        for variant, factor in (("crisp", 1.5), ("none", 1.0))
        for index, value in enumerate(scores * np.exp(rng.normal(0, 0.02, 128)))
    ]
    contrast = paired_contrast(rows, "crisp", "none", "sharpness", "screen")
    margin = margin_of_gains("sharpness", 0.15)
    finding = find(contrast, Margin(margin, 0.9), SENSITIVE)
    assert math.exp(margin) == pytest.approx(1.15)
    assert finding.word == "more" and math.exp(finding.gain or 0.0) == pytest.approx(1.5, rel=0.02)
    assert margin_of_gains("alignment", 0.1) == 0.1
    rows[0]["sharpness"] = 0.0
    without = paired_contrast(rows, "crisp", "none", "sharpness", "screen")
    assert without.coverage == pytest.approx(127 / 128), "a flat picture has no logarithm"


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
