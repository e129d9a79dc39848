"""A level stays or goes by what its rivals gain and what they cost."""

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, word_of
from zimage_eval.questions.rules.keep import KEEP

NOISE = np.tile([-0.05, 0.05], 64)


@pytest.mark.parametrize(
    ("gain", "forwards", "word"),
    [
        (-0.3, 8, "yes: keep"),
        (0.0, 8, "yes: keep"),
        (0.03, 8, "yes: keep_or_change"),
        (0.2, 8, "no: change"),
        (0.03, 16, "yes: keep"),
        (0.2, 16, "no: change"),
        (-0.03, 4, "yes: keep_or_change"),
        (-0.3, 4, "yes: keep"),
        (0.0, 4, "no: change"),
    ],
)
def test_what_a_gain_is_worth_depends_on_its_cost(gain: float, forwards: int, word: str) -> None:
    rival, costs = contrast_of("rival", NOISE + gain), {"baseline": 8.0, "rival": float(forwards)}
    evidence = KEEP.weigh(compare(rival, costs=costs))
    assert word_of(evidence) == word
    assert evidence.rivals[0].saves == 8 - forwards
    if forwards == 8:
        assert word_of(KEEP.weigh(compare(rival))) == word, "unknown costs are equal costs"


def test_the_level_that_is_changed_to_is_named_and_its_number_decides() -> None:
    """The dearer one gains more, but less than it must for its cost."""
    rivals = [contrast_of("dear", NOISE + 0.09), contrast_of("even", NOISE + 0.08)]
    costs = {"baseline": 8.0, "dear": 16.0, "even": 8.0}
    (rung, *_) = KEEP.weigh(compare(*rivals, costs=costs)).rungs
    assert rung.word == "keep_or_change" and rung.names(0.05) == ("even",)
    assert rung.number_of == ""


def test_a_rival_that_was_not_scored_may_be_better() -> None:
    missing = contrast_of("missing", NOISE)._replace(coverage=0.5)
    evidence = KEEP.weigh(compare(contrast_of("worse", NOISE - 0.3), missing))
    assert word_of(evidence) == "open" and "missing" in evidence.reason
