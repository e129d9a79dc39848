"""Captions are read back to the facts they were worded from."""

import numpy as np
import pytest

from tests.support.repository import ROOT
from zimage_eval.metrics.judges.label_sheets import questions
from zimage_eval.prompts.facts import Facts, facts_in_words
from zimage_eval.prompts.scenes.checking import check_facts
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.sets import load_prompt_set

PROMPTS = load_prompt_set(ROOT / "prompts" / "scenes")
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
    assert facts_in_words(facts) == {
        "shape 0": "star",
        "color 0": "red star",
        "count 0": "1 red star",
        "shape 1": "ring",
        "color 1": "blue ring",
        "count 1": "1 blue ring",
        "relation 0": "star left of ring",
        "count": "2 in all",
    }


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


def test_all_that_is_judged_or_asked_has_words() -> None:
    blank = np.full((64, 64, 3), 245, dtype=np.uint8)
    for prompt in PROMPTS[::7]:
        judged = {result.name for result in check_facts(blank, prompt.facts)}
        asked = {question.fact for question in questions(prompt.facts)}
        assert judged | asked == set(facts_in_words(prompt.facts))
