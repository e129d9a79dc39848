"""Quoted texts, words and edit distances, against values worked out by hand."""

from itertools import pairwise

import numpy as np
import pytest

from zimage_eval.metrics.networks.text_reader import TextReader
from zimage_eval.metrics.text_rendering.scores import text_cer, text_ned, text_word_accuracy
from zimage_eval.metrics.text_rendering.spelling import (
    edit_distance,
    nearest_lines,
    quoted_texts,
    word_accuracy,
    words,
)

PICTURE = np.zeros((1, 1, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ('A shop with the sign "Fresh Bread" and a door.', ["Fresh Bread"]),
        ("Says \u201cOpen\u201d above \u2018Don\u2019t!\u2019.", ["Open", "Don\u2019t!"]),
        ("招牌写着「山茶」和\u201c欢迎光临\u201d", ["山茶", "欢迎光临"]),
        ("A wall with 'Don't panic' on it.", ["Don't panic"]),
        ("The dogs' bowls beside the cats' toys; it's late.", []),
        ('A mark "!" and an empty "".', []),
        ("a red letter H left of a blue letter T", ["H", "T"]),
        ("A letter on a desk, and a love letter.", []),
    ],
)
def test_quoted_texts_are_those_between_quotes(prompt: str, texts: list[str]) -> None:
    assert quoted_texts(prompt) == texts


def test_words_have_no_case_and_no_punctuation_and_chinese_is_read_by_character() -> None:
    assert words("Grand OPENING, don\u2019t wait!") == ["grand", "opening", "don't", "wait"]
    assert words("\uff3a-Image 山茶") == ["z", "image", "山", "茶"]


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("kitten", "sitting", 3),
        ("saturday", "sunday", 3),
        ("flaw", "lawn", 2),
        ("", "abc", 3),
        ("abc", "", 3),
        ("same", "same", 0),
        ("ab", "ba", 2),
    ],
)
def test_edit_distances_are_the_known_ones(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second) == edit_distance(second, first) == distance


def test_a_distance_is_never_longer_than_by_way_of_a_third_text() -> None:
    texts = ["opening", "open", "opneing", "", "penning", "op"]
    for first, second in pairwise(texts):
        for third in texts:
            way = edit_distance(first, third) + edit_distance(third, second)
            assert edit_distance(first, second) <= way


def test_a_text_may_be_broken_over_lines_and_the_nearest_are_taken() -> None:
    lines = ["est. 1984", "GRAND", "opening", "2nd floor"]
    assert nearest_lines("Grand Opening", lines) == (0, "grandopening")
    assert nearest_lines("Grand Openning", lines) == (1, "grandopening")
    assert nearest_lines("zzz", lines) == (3, "")
    assert nearest_lines("Sale", []) == (4, "")


def test_a_word_that_is_quoted_twice_must_be_read_twice() -> None:
    assert word_accuracy(["go go stop"], ["Go!", "STOP"]) == pytest.approx(2 / 3)
    assert word_accuracy(["go go", "stop"], ["stop go", "go go"]) == 1.0
    assert word_accuracy(["Sale"], ["Sales"]) == 0.0


def test_the_three_scores_of_a_misspelled_sign() -> None:
    """`Fresh Coffee` read as `Fresh Cofee`: one of two words, one deletion in 11 characters."""
    reader = TextReader(lambda image: ["Fresh Cofee"])
    sign = ([PICTURE, PICTURE], ['a sign "Fresh Coffee"', "a sign"], reader)
    assert text_word_accuracy(*sign) == [0.5, None]
    assert text_ned(*sign) == [pytest.approx(1 - 1 / 11), None]
    assert text_cer(*sign) == [pytest.approx(1 / 11), None]


def test_scores_of_two_texts_are_a_mean_of_similarities_and_a_share_of_all_characters() -> None:
    reader = TextReader(lambda image: ["OPEN"])
    sign = ([PICTURE], ['"Open" over "Luck"'], reader)
    assert text_ned(*sign) == [0.5]  # 1 and 0
    assert text_cer(*sign) == [0.5]
    assert text_word_accuracy(*sign) == [0.5]


def test_a_picture_is_read_once_for_three_scores_and_not_without_quotes() -> None:
    calls = []
    reader = TextReader(lambda image: calls.append(image.shape) or [])  # type: ignore[func-returns-value]
    for metric in (text_word_accuracy, text_ned, text_cer):
        metric([PICTURE, PICTURE], ['"A sign"', "no sign"], reader)
    assert calls == [(1, 1, 3)]
