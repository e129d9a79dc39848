"""Words held to truths that they must tell apart: how often each is wrong, and how often right.

Arms have a known loss, made of real scores (`planted_effects`). A rate that is promised to be 5 %
fails a test only where chance explains it in less than one case of a thousand.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats

from tests.support.fakes.planted_effects import (
    PlantedScores,
    draw_arm,
    draw_prompts,
    read_planted_scores,
)
from zimage_eval.statistics.argmax_sets import argmax_p_values
from zimage_eval.statistics.best_by_kind import GainsByKind, best_by_kind, kinds_that_gain
from zimage_eval.statistics.levels import Cost, Rival, keep_words, range_words
from zimage_eval.statistics.studentized import mean_test
from zimage_eval.statistics.words import (
    LEVEL,
    Rung,
    full_p_value,
    gain_words,
    read_word,
    report_level,
)

MARGIN = 0.1
BOUNDS = (-1.0, 1.0)
NUM_DRAWS = 1_999
SMALL, MIDDLE, FULL = (64, 1), (128, 1), (512, 2)
Size = tuple[int, int]


@pytest.fixture(scope="module")
def scores() -> PlantedScores:
    return read_planted_scores()


def word_of(rungs: Sequence[Rung] | None, level: float = LEVEL) -> str:
    rung = read_word(rungs or (), level)
    return "open" if rung is None else rung.word


def is_rare(count: int, repetitions: int, rate: float = LEVEL) -> bool:
    """Whether a count is explained by a rate, or less."""
    return bool(stats.binom.sf(count - 1, repetitions, rate) > 1e-3)


def is_frequent(count: int, repetitions: int, rate: float) -> bool:
    """Whether a count is explained by a rate, or more."""
    return bool(stats.binom.cdf(count, repetitions, rate) > 1e-3)


TRUE_WORDS: Mapping[float, frozenset[str]] = {
    0.0: frozenset({"no_difference", "no_gain", "no_loss"}),
    MARGIN / 2: frozenset({"less", "size_open", "no_difference", "no_gain", "no_loss"}),
    MARGIN: frozenset({"more", "size_open", "no_loss"}),
    2 * MARGIN: frozenset({"more", "size_open", "no_loss"}),
}
"""Gain -> the words that are true of it."""


@pytest.mark.parametrize(
    ("gain", "size", "right", "rate"),
    [
        (0.0, SMALL, "no_difference", 0.80),
        (0.0, FULL, "no_difference", 0.95),
        (MARGIN / 2, SMALL, "less", 0.0),
        (MARGIN / 2, FULL, "less", 0.95),
        (MARGIN, SMALL, "size_open", 0.55),
        (MARGIN, MIDDLE, "size_open", 0.90),
        (MARGIN, FULL, "size_open", 0.90),
        (2 * MARGIN, SMALL, "more", 0.38),
        (2 * MARGIN, MIDDLE, "more", 0.80),
        (2 * MARGIN, FULL, "more", 0.99),
    ],
)
def test_a_gain_gets_its_word(
    scores: PlantedScores, gain: float, size: Size, right: str, rate: float
) -> None:
    generator, repetitions = np.random.default_rng(5), 150
    words: Counter[str] = Counter()
    for _ in range(repetitions):
        prompts = draw_prompts(scores, size[0], generator)
        arm, baseline = (draw_arm(scores, prompts, size[1], x, generator) for x in (0.0, gain))
        test = mean_test((arm - baseline).tolist(), BOUNDS)
        assert test is not None
        words[word_of(gain_words(test, MARGIN, "arm"))] += 1
    wrong = sum(n for word, n in words.items() if word not in TRUE_WORDS[gain] | {"open"})
    assert is_rare(wrong, repetitions), words
    assert is_frequent(words[right], repetitions, rate), words


EQUAL = [[0.0] * 4] * 4
SAME_BEST = [[0.0] * 4, [0.1, 0.2, 0.05, 0.3], [0.2] * 4, [0.3, 0.1, 0.1, 0.2]]
TIE = [[0.0] * 4, [0.0] * 4, [0.2] * 4, [0.3] * 4]


def another_best(loss: float) -> list[list[float]]:
    """Level 0 loses that much to level 1 in the last kind, where it is best."""
    return [[0.0, 0.0, 0.0, loss], [0.3, 0.3, 0.3, 0.0], [0.3] * 4, [0.3] * 4]


def draw_table(
    scores: PlantedScores,
    losses: Sequence[Sequence[float]],
    size: Size,
    generator: np.random.Generator,
) -> GainsByKind:
    kinds = [str(kind) for kind in np.unique(scores.categories)]
    prompts = draw_prompts(scores, size[0], generator)
    arms = np.stack(
        [
            draw_arm(scores, prompts, size[1], dict(zip(kinds, level, strict=True)), generator)
            for level in losses
        ],
        axis=1,
    )
    members = {kind: arms[scores.categories[prompts] == kind] for kind in kinds}
    return GainsByKind(tuple(map(str, range(len(losses)))), members, BOUNDS)


@pytest.mark.parametrize(
    ("losses", "size", "wrong", "right", "rate"),
    [
        (EQUAL, SMALL, {"more", "less", "size_open"}, {"open"}, 0.9),
        (EQUAL, FULL, {"more", "less", "size_open"}, {"no"}, 0.95),
        (SAME_BEST, MIDDLE, {"more", "less", "size_open"}, {"no"}, 0.5),
        (SAME_BEST, FULL, {"more", "less", "size_open"}, {"no"}, 0.98),
        (TIE, FULL, {"more", "less", "size_open"}, {"no"}, 0.95),
        (another_best(MARGIN / 2), FULL, {"more"}, {"no", "less", "size_open"}, 0.85),
        (another_best(MARGIN), FULL, {"no", "less"}, {"size_open", "more"}, 0.9),
        (another_best(3 * MARGIN), MIDDLE, {"no", "less"}, {"size_open", "more"}, 0.7),
        (another_best(3 * MARGIN), FULL, {"no", "less"}, {"more"}, 0.98),
        (
            [[0.1, 0, 0, 0], [0, 0.1, 0, 0], [0.3] * 4, [0.3] * 4],
            FULL,
            {"no", "less"},
            {"size_open", "more"},
            0.5,
        ),
    ],
)
def test_the_best_level_by_kind(
    scores: PlantedScores,
    losses: list[list[float]],
    size: Size,
    wrong: set[str],
    right: set[str],
    rate: float,
) -> None:
    generator, repetitions = np.random.default_rng(6), 40
    words = Counter(
        word_of(best_by_kind(draw_table(scores, losses, size, generator), MARGIN, NUM_DRAWS))
        for _ in range(repetitions)
    )
    assert is_rare(sum(words[word] for word in wrong), repetitions), words
    assert is_frequent(sum(words[word] for word in right), repetitions, rate), words


def test_a_worse_level_gains_in_no_kind(scores: PlantedScores) -> None:
    """However unequal its losses are: an effect that varies is no gain."""
    generator = np.random.default_rng(7)
    for _ in range(10):
        table = draw_table(scores, SAME_BEST, FULL, generator)
        rungs = kinds_that_gain(table, "0", MARGIN, NUM_DRAWS)
        assert word_of(rungs) == "no"
        assert word_of(kinds_that_gain(table, "2", MARGIN, NUM_DRAWS)) == "more"


@pytest.mark.parametrize(
    ("cost", "gain", "size", "right", "rate", "wrong"),
    [
        ("equal", 0.0, SMALL, {"keep"}, 0.75, {"change"}),
        ("dearer", 0.0, MIDDLE, {"keep"}, 0.95, {"change"}),
        ("cheaper", 0.0, SMALL, {"change", "keep_or_change"}, 0.55, {"keep"}),
        ("cheaper", 0.0, FULL, {"change", "keep_or_change"}, 0.95, {"keep"}),
        ("equal", MARGIN / 2, FULL, {"keep_or_change"}, 0.97, set()),
        ("dearer", MARGIN / 2, FULL, {"keep"}, 0.97, {"change", "keep_or_change"}),
        ("equal", MARGIN, MIDDLE, {"change"}, 0.8, {"keep", "keep_or_change"}),
        ("dearer", 2 * MARGIN, FULL, {"change"}, 0.98, {"keep", "keep_or_change"}),
        ("cheaper", -MARGIN / 2, FULL, {"keep_or_change"}, 0.97, set()),
        ("cheaper", -2 * MARGIN, SMALL, {"keep"}, 0.9, {"change", "keep_or_change"}),
    ],
)
def test_keep_or_change(
    scores: PlantedScores,
    cost: Cost,
    gain: float,
    size: Size,
    right: set[str],
    rate: float,
    wrong: set[str],
) -> None:
    """Beside the rival a second one that is ruined, so that "all" and "any" are two rivals."""
    generator, repetitions = np.random.default_rng(8), 120
    words: Counter[str] = Counter()
    for _ in range(repetitions):
        prompts = draw_prompts(scores, size[0], generator)
        losses = (max(gain, 0.0), max(-gain, 0.0), 0.4)
        recommended, rival, ruined = (
            draw_arm(scores, prompts, size[1], loss, generator) for loss in losses
        )
        tests = [mean_test((arm - recommended).tolist(), BOUNDS) for arm in (rival, ruined)]
        rivals = {
            name: Rival(test, rival_cost)
            for name, test, rival_cost in zip("ab", tests, (cost, "dearer"), strict=True)
            if test is not None
        }
        words[word_of(keep_words(rivals, MARGIN))] += 1
    assert is_rare(sum(words[word] for word in wrong), repetitions), words
    assert is_frequent(sum(words[word] for word in right), repetitions, rate), words


@pytest.mark.parametrize(
    ("best", "right", "rate"), [(3, {"inside"}, 0.98), (5, {"outside", "open"}, 0.98)]
)
def test_a_range(scores: PlantedScores, best: int, right: set[str], rate: float) -> None:
    """Seven levels, 0.1 worse a step from the best; 2 to 4 are inside."""
    generator, repetitions = np.random.default_rng(9), 60
    words: Counter[str] = Counter()
    for _ in range(repetitions):
        prompts = draw_prompts(scores, FULL[0], generator)
        arms = {
            str(level): draw_arm(scores, prompts, 2, min(0.1 * abs(level - best), 0.4), generator)
            for level in range(7)
        }
        p_values = argmax_p_values({k: v.tolist() for k, v in arms.items()}, BOUNDS, NUM_DRAWS)
        assert p_values is not None
        words[word_of(range_words(p_values, ("2", "3", "4")))] += 1
    assert is_frequent(sum(words[word] for word in right), repetitions, rate), words


def test_few_full_words_of_a_report_are_wrong(scores: PlantedScores) -> None:
    """Even if four truths of five lie at the margin, where each word is wrong most often.

    Read one by one at 5 %, a seventh of the full words would be wrong.
    """
    generator, unadjusted = np.random.default_rng(10), 0.0
    num_reports = 40
    shares = []
    for _ in range(num_reports):
        gains = [MARGIN] * 32 + [0.0] * 4 + [3 * MARGIN] * 4
        ladders = []
        for gain in gains:
            prompts = draw_prompts(scores, 128, generator)
            pair = [draw_arm(scores, prompts, 1, loss, generator) for loss in (0.0, gain)]
            test = mean_test((pair[0] - pair[1]).tolist(), BOUNDS)
            assert test is not None
            ladders.append(gain_words(test, MARGIN, "arm"))
        level = report_level([full_p_value(rungs) for rungs in ladders])
        assert 0 < level <= LEVEL
        shares.append(_wrong_share(ladders, gains, level))
        unadjusted += _wrong_share(ladders, gains, LEVEL) / num_reports
    assert np.mean(shares) < LEVEL + 2 * np.std(shares) / np.sqrt(num_reports)
    assert unadjusted > np.mean(shares), "the level of the report changes nothing"


def _wrong_share(ladders: Sequence[Sequence[Rung]], gains: Sequence[float], level: float) -> float:
    full = wrong = 0
    for rungs, gain in zip(ladders, gains, strict=True):
        rung = read_word(rungs, level)
        if rung is not None and rung.is_full:
            full += 1
            wrong += rung.word not in TRUE_WORDS.get(float(gain), TRUE_WORDS[2 * MARGIN])
    return wrong / max(full, 1)
