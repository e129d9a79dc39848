"""Differences are read as they are, whichever end of the metric is better."""

from typing import Literal

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, words
from zimage_eval.questions.rules.shifted import every_rival_higher, every_rival_lower

NOISE = np.tile([-0.05, 0.05], 64)


@pytest.mark.parametrize("better", ["higher", "lower", None])
@pytest.mark.parametrize(
    ("shifts", "word"),
    [
        ((0.1, 0.2), "supported"),
        ((0.1, -0.2), "refuted"),
        ((0.1, 0.0), "inconclusive"),
    ],
)
def test_every_rival_must_be_higher(
    shifts: tuple[float, float], word: str, better: Literal["higher", "lower"] | None
) -> None:
    contrasts = [contrast_of(str(shift), NOISE + shift)._replace(better=better) for shift in shifts]
    assert words([every_rival_higher(compare(*contrasts))]) == [word]
    turned = [contrast_of(str(shift), NOISE - shift)._replace(better=better) for shift in shifts]
    assert words([every_rival_lower(compare(*turned))]) == [word]
