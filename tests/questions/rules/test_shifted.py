"""Differences are read as they are, whichever end of the metric is better."""

from typing import Literal

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, word_of
from zimage_eval.questions.rules.shifted import HIGHER, LOWER

NOISE = np.tile([-0.05, 0.05], 64)


@pytest.mark.parametrize("better", ["higher", "lower", None])
@pytest.mark.parametrize(
    ("shifts", "higher", "lower"),
    [
        ((0.2, 0.3), "yes: more", "yes: worse_more"),
        ((0.03, 0.2), "yes: less", "yes: worse_less"),
        ((0.2, -0.2), "no: not_all_higher", "no: not_all_lower"),
        ((0.2, 0.0), "no: not_all_higher", "no: not_all_lower"),
        ((0.05,), "yes: less", "yes: worse_less"),
        ((-0.2,), "no: worse_more", "no: more"),
        ((0.0,), "no: no_difference", "no: no_difference"),
    ],
)
def test_every_rival_must_be_higher(
    shifts: tuple[float, ...], higher: str, lower: str, better: Literal["higher", "lower"] | None
) -> None:
    contrasts = [contrast_of(str(shift), NOISE + shift)._replace(better=better) for shift in shifts]
    evidence = HIGHER.weigh(compare(*contrasts))
    assert word_of(evidence) == higher
    assert [rival.gain for rival in evidence.rivals] == pytest.approx(list(shifts))
    turned = [contrast_of(str(shift), NOISE - shift)._replace(better=better) for shift in shifts]
    assert word_of(LOWER.weigh(compare(*turned))) == lower
