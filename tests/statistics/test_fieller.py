from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from zimage_eval.statistics.fieller import Placement, fieller_interval, place_distance


def test_fieller_is_the_ratio_whose_line_is_not_rejected() -> None:
    rng = np.random.default_rng(0)
    bottom = rng.normal(2, 1, 40)
    top = 0.5 * bottom + rng.normal(0, 0.5, 40)
    interval = fieller_interval(top, bottom, 0.90)
    assert interval is not None
    for end in interval:
        assert stats.ttest_1samp(top - end * bottom, 0).pvalue == pytest.approx(0.10)
    assert fieller_interval(top, bottom - bottom.mean(), 0.90) is None


def placed(arms: Sequence[Mapping[str, float]], margin: float = 0.1) -> Placement:
    distances, floor, ceiling = arms
    return place_distance(distances, floor, ceiling, margin, min_coverage=0.9)


@pytest.mark.parametrize(
    ("position", "place"),
    [(0.0, "at_floor"), (0.5, "between"), (1.0, "at_ceiling"), (1.5, "beyond_ceiling")],
)
def test_a_distance_is_placed_between_floor_and_ceiling(position: float, place: str) -> None:
    rng = np.random.default_rng(0)
    prompts = [f"p{index}" for index in range(128)]
    arms = [
        dict(zip(prompts, 0.05 + level * 0.5 + rng.normal(0, 0.05, 128), strict=True))
        for level in (position, 0.0, 1.0)
    ]
    placement = placed(arms)
    assert placement.place == place
    assert placement.position == pytest.approx(position, abs=0.05)
    similarities = [{prompt: 40 - 30 * value for prompt, value in arm.items()} for arm in arms]
    turned = placed(similarities)
    assert turned[:4] == (placement.place, "", 128, pytest.approx(placement.position))


def test_a_scale_without_length_or_prompts_places_nothing() -> None:
    rng = np.random.default_rng(0)
    same = [{str(i): value for i, value in enumerate(rng.normal(1, 1, 64))} for _ in range(3)]
    assert "told apart" in placed(same).reason
    few = {str(i): float("nan") for i in range(20)} | same[0]
    assert placed([few, {}, few]).place == "inconclusive"
    with pytest.raises(ValueError, match=r"\(0, 0.5\)"):
        placed(same, margin=0.7)
