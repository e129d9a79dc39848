"""Two changes are held to the sum of each, prompt by prompt."""

import numpy as np
import pytest

from tests.support.fakes.fake_reports import compare, contrast_of, word_of
from zimage_eval.questions.rules.interaction import INTERACTION

NOISE = np.tile([-0.05, 0.05], 64)
SIGNS = np.tile([1, 1, -1, -1], 32)


@pytest.mark.parametrize(
    ("beyond", "scatter", "word"),
    [
        (0.3, 0.02, "yes: more"),
        (-0.3, 0.02, "yes: more"),
        (0.0, 0.02, "no: no_difference"),
        (0.05, 0.5, "open"),
    ],
)
def test_together_is_more_than_the_sum_less_or_the_same(
    beyond: float, scatter: float, word: str
) -> None:
    first, second = NOISE - 0.2, NOISE[::-1] + 0.1
    arms = {"first": first, "second": second, "both": first + second + scatter * SIGNS + beyond}
    evidence = INTERACTION.weigh(compare(*(contrast_of(name, arm) for name, arm in arms.items())))
    [rival] = evidence.rivals
    assert rival.variant == "both beyond the sum"
    assert rival.gain == pytest.approx(beyond)
    assert word_of(evidence) == word


def test_an_interaction_names_three_variants() -> None:
    with pytest.raises(ValueError, match="two changes and both, not 2"):
        INTERACTION.weigh(compare(contrast_of("first", NOISE), contrast_of("second", NOISE)))
