"""A typed judgement is found, and no page holds one."""

from pathlib import Path

import pytest

from zimage_eval.questions.questions import load_questions
from zimage_eval.report.judgements import page_judgements, typed_judgements

QUESTIONS = Path("questions")


@pytest.mark.parametrize(
    "sentence",
    [
        # Each stood on a page of the report, beside a number or without one.
        "No, at a short budget.",
        "Yes. mini reaches {families:mini,chat_format,template:alignment:.3f} with the template.",
        "This text encoder can't infer.",
        "The other facts suffer: {style_vectors:all,words:other_facts:.0%} of them are left.",
        "Pads on both sides change an embedding by {padding:a:largest_change:.1e} at most: "
        "rounding again, so there is nothing to gain.",
        "It can't: scaled by 0.1 an embedding gives a picture within {failures:a:b:.0f} of 255.",
        "Tokens permuted after the refiner change it by {conditioning:a:b:.1%}: "
        "order is read mostly in the refiner.",
        'The words that fail: "beneath" succeeds in {failures:relation_word=beneath:c:.0%}.',
        "Weights that were trained with a block need one.",
        "A computed difference judges no better: {difference|a:b:c|a:d:c|.2f} is hardly enough.",
    ],
)
def test_a_typed_judgement_is_found(sentence: str) -> None:
    assert list(typed_judgements(sentence)) == [sentence]


@pytest.mark.parametrize(
    "sentence",
    [
        "Alignment is {a:b:alignment:.3f} without guidance and {a:c:alignment:.3f} at 0.5.",
        "Every fact is right in {a:b:all_facts:.0%} of the pictures.",
        "It moves a pixel by at most {failures:scale=0.1:largest_pixel_change:.0f} of 255.",
        "The best of them is {name_of_largest|a:b=*:c}, with {largest|a:b=*:c|.2f}.",
        "Without a block it has {compare|a:b:c|a:d:c|more|less|as much} alignment, not the same.",
        "Over all levels the trainings say no more than: {word|design}.",
        "The predictor beats its baselines, or does it not: {holds|prompt_quality:beats_both}.",
    ],
)
def test_what_is_computed_may_be_said(sentence: str) -> None:
    assert list(typed_judgements(sentence)) == []


def test_a_piece_speaks_for_its_own_sentence_alone() -> None:
    text = "The best is {name_of_largest|a:b=*:c}. The others are worse by {a:b:c:.2f}."
    assert list(typed_judgements(text)) == ["The others are worse by {a:b:c:.2f}."]


def test_no_page_judges_by_itself() -> None:
    assert page_judgements(QUESTIONS, load_questions(QUESTIONS)) == []


def test_a_page_that_does_is_named() -> None:
    questions = load_questions(QUESTIONS)
    name = "a06-padding-side"
    changed = questions[name].model_copy(update={"results": ("The side hardly matters.",)})
    [line] = page_judgements(QUESTIONS, {name: changed})
    assert line.startswith("questions/a06-padding-side.yaml") and "hardly matters" in line
