"""What any rival shows is corrected over the rivals, what all show is not."""

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, word_of
from zimage_eval.questions.rules.comparison import Rule
from zimage_eval.questions.rules.gains import ALL_BETTER, ALL_WORSE, SOME_BETTER, SOME_WORSE

NOISE = np.tile([-0.05, 0.05], 64)
BETTER, LITTLE, EQUAL, WORSE = 0.2, 0.03, 0.0, -0.2


def told(rule: Rule, *gains: float) -> str:
    rivals = [contrast_of(f"{place}", NOISE + gain) for place, gain in enumerate(gains)]
    return word_of(rule.weigh(compare(*rivals)))


@pytest.mark.parametrize(
    ("gain", "better", "worse"),
    [
        (BETTER, "yes: more", "no: more"),
        (LITTLE, "yes: less", "no: less"),
        (EQUAL, "no: no_difference", "no: no_difference"),
        (-LITTLE, "no: worse_less", "yes: worse_less"),
        (WORSE, "no: worse_more", "yes: worse_more"),
        (0.1, "yes: size_open", "no: size_open"),
    ],
)
def test_of_one_rival_the_opposite_is_told_too(gain: float, better: str, worse: str) -> None:
    assert told(SOME_BETTER, gain) == told(ALL_BETTER, gain) == better
    assert told(SOME_WORSE, gain) == told(ALL_WORSE, gain) == worse


@pytest.mark.parametrize(
    ("gains", "some", "every"),
    [
        ((BETTER, BETTER), "yes: more", "yes: more"),
        ((BETTER, WORSE), "yes: more", "no: not_all"),
        ((LITTLE, WORSE), "yes: less", "no: not_all"),
        ((BETTER, LITTLE), "yes: more", "yes: less"),
        ((EQUAL, WORSE), "no: no_gain", "no: not_all"),
    ],
)
def test_some_rivals_and_all_of_them(gains: tuple[float, float], some: str, every: str) -> None:
    assert (told(SOME_BETTER, *gains), told(ALL_BETTER, *gains)) == (some, every)
    mirrored = {"no_gain": "no_loss", "not_all": "not_all_worse"}
    losses = [-gain for gain in gains]
    for rule, word in ((SOME_WORSE, some), (ALL_WORSE, every)):
        says, size = word.split(": ")
        assert told(rule, *losses) == f"{says}: {mirrored.get(size, f'worse_{size}')}"


def test_the_rival_that_decides_and_those_that_leave_it_open_are_known() -> None:
    noisy = np.tile([-0.6, 0.6], 64)
    rivals = [contrast_of("clear", NOISE - 0.2), contrast_of("noisy", noisy + 0.02)]
    evidence = SOME_BETTER.weigh(compare(*rivals))
    assert word_of(evidence) == "open" and evidence.closest == "noisy"
    [weightiest, other] = evidence.leaves_open
    assert weightiest[0] == "noisy" and weightiest[1] > 0.05 > other[1]
    assert evidence.num_needed is not None and evidence.num_needed > 128


def test_a_rival_that_was_not_scored_bars_what_all_must_show() -> None:
    missing = contrast_of("missing", NOISE)._replace(coverage=0.5)
    worse, better = contrast_of("worse", NOISE - 0.3), contrast_of("better", NOISE + 0.3)
    evidence = ALL_WORSE.weigh(compare(worse, missing))
    assert word_of(evidence) == "open" and "missing: 50%" in evidence.reason
    assert word_of(ALL_WORSE.weigh(compare(better, missing))) == "no: not_all_worse"
    assert word_of(SOME_BETTER.weigh(compare(better, missing))) == "yes: more"
    assert word_of(SOME_BETTER.weigh(compare(worse, missing))) == "open"
    assert ALL_WORSE.weigh(compare(missing)).status == "inconclusive"


def test_a_metric_without_a_good_end_has_no_better() -> None:
    contrast = contrast_of("rival", NOISE)._replace(better=None)
    with pytest.raises(ValueError, match="no variant is best"):
        SOME_BETTER.weigh(compare(contrast))
