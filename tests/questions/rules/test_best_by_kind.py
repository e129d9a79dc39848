"""Three questions about kinds of prompts, which an effect that varies does not mix up."""

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, word_of
from zimage_eval.questions.contrasts import Contrast
from zimage_eval.questions.rules.best_by_kind import BEST_BY_KIND, SOME_KINDS_GAIN
from zimage_eval.questions.rules.effect_varies import EFFECT_VARIES

NOISE = np.tile([-0.05, 0.05], 64)
CATEGORIES = {f"p{index:04d}": "few" if index < 64 else "many" for index in range(128)}


def rival(few: float, many: float, name: str = "rival") -> Contrast:
    return contrast_of(name, NOISE + np.repeat([few, many], 64), None)


@pytest.mark.parametrize(
    ("few", "many", "best", "gains", "varies"),
    [
        (-0.4, -0.2, "no: no", "no: no", "yes: more"),  # loses everywhere, by more in one kind
        (-0.3, -0.3, "no: no", "no: no", "no: same_for_all"),
        (-0.3, 0.3, "yes: more", "yes: more", "yes: more"),
        (0.2, 0.4, "no: no", "yes: more", "yes: more"),  # the rival is best everywhere
        (0.0, 0.0, "no: no", "no: no", "no: same_for_all"),
        (-0.3, 0.05, "yes: less", "yes: less", "yes: more"),
    ],
)
def test_which_is_best_and_who_gains_and_whether_it_varies(
    few: float, many: float, best: str, gains: str, varies: str
) -> None:
    comparison = compare(rival(few, many), categories=CATEGORIES)
    assert word_of(BEST_BY_KIND.weigh(comparison)) == best
    assert word_of(SOME_KINDS_GAIN.weigh(comparison)) == gains
    assert word_of(EFFECT_VARIES.weigh(comparison)) == varies


def test_the_levels_that_may_be_best_are_told_by_kind() -> None:
    arms = (rival(-0.3, 0.3, "turns"), contrast_of("loses", NOISE[::-1] - 0.3, None))
    evidence = BEST_BY_KIND.weigh(compare(*arms, categories=CATEGORIES))
    assert dict(evidence.sets) == {"few": ("baseline",), "many": ("turns",)}
    gains = SOME_KINDS_GAIN.weigh(compare(*arms, categories=CATEGORIES))
    assert gains.rungs[0].names(0.05) == ("many",)


def test_the_level_that_serves_is_named() -> None:
    evidence = BEST_BY_KIND.weigh(compare(rival(0.2, 0.4), categories=CATEGORIES))
    (rung,) = [rung for rung in evidence.rungs if rung.says == "no"]
    assert rung.named[0][0] == "rival"


def test_one_kind_or_too_few_prompts_decide_nothing() -> None:
    alone = dict.fromkeys(CATEGORIES, "many")
    tiny = {prompt: "few" if index < 7 else "many" for index, prompt in enumerate(CATEGORIES)}
    for categories in (alone, tiny):
        for rule in (BEST_BY_KIND, SOME_KINDS_GAIN, EFFECT_VARIES):
            assert rule.weigh(compare(rival(0.3, 0.3), categories=categories)).rungs == ()


def test_a_level_that_was_not_scored_may_serve_every_kind() -> None:
    missing = rival(0.0, 0.0, "missing")._replace(coverage=0.5)
    comparison = compare(rival(-0.3, 0.3), missing, categories=CATEGORIES)
    assert BEST_BY_KIND.weigh(comparison).status == "inconclusive"
    assert word_of(SOME_KINDS_GAIN.weigh(comparison)) == "yes: more"
