"""A difference and its absence are one ladder, asked from either side."""

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, word_of
from zimage_eval.questions.rules.differs import DIFFERS, NO_DIFFERENCE

NOISE = np.tile([-0.05, 0.05], 64)


@pytest.mark.parametrize(
    ("gains", "differs", "equal"),
    [
        ((0.0, 0.0), "no: no_difference", "yes: no_difference"),
        ((0.0, 0.05), "yes: less", "yes: differs_less"),
        ((0.0, -0.3), "yes: more", "no: differs_more"),
        ((0.3, 0.0), "yes: more", "no: differs_more"),
        ((0.0, 0.1), "yes: size_open", "open"),
    ],
)
def test_either_direction_is_a_difference(
    gains: tuple[float, float], differs: str, equal: str
) -> None:
    rivals = [contrast_of(f"{gain}", NOISE + gain) for gain in gains]
    assert word_of(DIFFERS.weigh(compare(*rivals))) == differs
    assert word_of(NO_DIFFERENCE.weigh(compare(*rivals))) == equal


def test_the_rival_that_differs_is_named_whichever_end_is_better() -> None:
    rivals = [contrast_of("even", NOISE), contrast_of("far", NOISE - 0.3)]
    evidence = DIFFERS.weigh(compare(*(c._replace(better=None) for c in rivals)))
    assert evidence.rungs[0].names(0.05) == ("far",)
    assert evidence.rungs[0].number_of == "far"
