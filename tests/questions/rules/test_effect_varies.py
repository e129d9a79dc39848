"""The size of one effect varies between kinds of prompts, or does not."""

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, word_of
from zimage_eval.questions.rules.effect_varies import EFFECT_VARIES

NOISE = np.tile([-0.05, 0.05], 64)
CATEGORIES = {f"p{index:04d}": "few" if index < 64 else "many" for index in range(128)}


@pytest.mark.parametrize(
    ("few", "many", "word"),
    [
        (-0.4, -0.2, "yes: more"),
        (-0.3, -0.3, "no: same_for_all"),
        (0.0, 0.03, "yes: less"),
        (0.0, 0.1, "yes: size_open"),
    ],
)
def test_an_effect_is_held_to_the_margin_between_kinds(few: float, many: float, word: str) -> None:
    rival = contrast_of("rival", NOISE + np.repeat([few, many], 64), None)
    evidence = EFFECT_VARIES.weigh(compare(rival, categories=CATEGORIES))
    assert word_of(evidence) == word
    if word == "yes: more":
        assert evidence.rungs[0].names(0.05) == ("many > few",)


def test_one_kind_or_too_few_prompts_decide_nothing() -> None:
    alone = dict.fromkeys(CATEGORIES, "many")
    tiny = {prompt: "few" if index < 7 else "many" for index, prompt in enumerate(CATEGORIES)}
    for categories in (alone, tiny):
        comparison = compare(contrast_of("rival", NOISE + 0.3), categories=categories)
        assert EFFECT_VARIES.weigh(comparison).rungs == ()


def test_an_effect_is_of_one_rival() -> None:
    arms = (contrast_of("first", NOISE), contrast_of("second", NOISE))
    with pytest.raises(ValueError, match="one rival, not 2"):
        EFFECT_VARIES.weigh(compare(*arms, categories=CATEGORIES))
