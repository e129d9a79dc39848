"""Captions are read back to the facts they were worded from."""

from pathlib import Path

import numpy as np
import pytest

from zimage_eval.facts import Facts, list_facts
from zimage_eval.prompt_sets import load_prompt_set
from zimage_eval.scene_checking import check_facts
from zimage_eval.scene_parsing import parse_caption

PROMPTS = load_prompt_set(Path(__file__).parents[1] / "prompts" / "scenes")
CONVERSES = {"right_of": "left_of", "below": "above"}


def one_way_round(facts: Facts) -> Facts:
    """The same facts with "left of" and "above" for their converses."""
    if not facts.relations or facts.relations[0].relation not in CONVERSES:
        return facts
    values = facts.model_dump()
    values["relations"][0]["relation"] = CONVERSES[facts.relations[0].relation]
    first, second, *others = values["objects"]
    return Facts.model_validate({**values, "objects": [second, first, *others]})


def test_every_prompt_of_the_set_is_understood() -> None:
    for prompt in PROMPTS:
        parsed = parse_caption(prompt.text)
        assert parsed is not None, prompt.text
        assert one_way_round(parsed) == one_way_round(prompt.facts), prompt.text


def test_case_and_a_period_make_no_difference() -> None:
    facts = parse_caption("A red star  left of a blue ring.")
    assert facts == parse_caption("a red star left of a blue ring")
    assert facts is not None
    assert [statement.words for statement in list_facts(facts)] == [
        "star",
        "red star",
        "ring",
        "blue ring",
        "star left of ring",
        "2 in all",
    ]


def test_planted_words_in_front_and_letters_are_understood() -> None:
    facts = parse_caption("a crisp picture of two green letters H at the top on dotted paper")
    assert facts is not None
    [letter] = facts.objects
    assert (letter.name, letter.color, letter.count, letter.position) == ("H", "green", 2, "top")
    assert facts.style == "dotted"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a red",
        "a stars",
        "two star",
        "a red car",
        "a red star left of",
        "a red star beneath a ring",
        "a red star, a portrait of a woman",
        "a red stardust",
        "on a white background",
    ],
)
def test_other_texts_are_no_scenes(text: str) -> None:
    assert parse_caption(text) is None


def test_facts_are_listed_as_they_are_judged() -> None:
    blank = np.full((64, 64, 3), 245, dtype=np.uint8)
    for prompt in PROMPTS[::7]:
        listed = [statement.kind for statement in list_facts(prompt.facts)]
        assert listed == [result.kind for result in check_facts(blank, prompt.facts)]
