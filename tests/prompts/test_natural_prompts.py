"""The natural prompts: each text states each of its facts, or is marked to only hint at one."""

import re
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.support.natural_texts import (
    CHINESE_WORDS,
    PHRASES,
    is_chinese,
    num_words,
    related,
    related_in_chinese,
    stated,
    stated_in_chinese,
)
from tests.support.repository import ROOT
from zimage_eval.prompts.facts import DETECTED_COLORS, ObjectFact
from zimage_eval.prompts.sets import Prompt, load_prompt_set, split_phases

PROMPTS = load_prompt_set(ROOT / "prompts/natural", "detector")
STATED = [prompt for prompt in PROMPTS if "inferred" not in prompt.tags]
HINTED = [prompt for prompt in PROMPTS if "inferred" in prompt.tags]
CATEGORIES = (
    "composition",
    "count",
    "object",
    "reasoning",
    "relation",
    "style",
    "swapped",
    "writing",
)
SIZES = ((64, 128), (512, 256))
"""Of the phases: what params.yaml asks for, and the larger study that it names."""
PEOPLE = {"person", "woman", "man", "girl", "boy", "child"}
COCO_NAMES = (
    "bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,"
    "parking meter,bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,"
    "umbrella,handbag,tie,suitcase,frisbee,skis,snowboard,sports ball,kite,baseball bat,"
    "baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,knife,spoon,"
    "bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,"
    "oven,toaster,sink,refrigerator,book,clock,vase,scissors,teddy bear,hair drier,"
    "toothbrush"
)
COCO = PEOPLE | set(COCO_NAMES.split(","))


def in_category(prompts: Sequence[Prompt], category: str) -> list[Prompt]:
    return [prompt for prompt in prompts if prompt.category == category]


def states(text: str, fact: ObjectFact) -> bool:
    pattern = stated_in_chinese(fact) if is_chinese(text) else stated(fact)
    return pattern.search(text) is not None


def phases() -> list[tuple[tuple[Prompt, ...], int]]:
    """Each phase of each size, with its prompts of one category."""
    splits = [split_phases(PROMPTS, *sizes) for sizes in SIZES]
    return [(phase, len(phase) // len(CATEGORIES)) for split in splits for phase in split]


def test_there_are_96_prompts_in_each_category_with_ids_in_file_order() -> None:
    assert len(PROMPTS) == sum(SIZES[1]) == 768
    assert tuple(dict.fromkeys(prompt.category for prompt in PROMPTS)) == CATEGORIES
    for category in CATEGORIES:
        ids = [prompt.id for prompt in in_category(PROMPTS, category)]
        numbers = [f"{category}-{number:03d}" for number in range(1, 97)]
        if category == "swapped":
            numbers = [f"{scene}/{order}" for scene in numbers[:48] for order in "ab"]
        assert ids == numbers


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.id)
def test_texts_are_sentences_of_5_to_500_words(prompt: Prompt) -> None:
    end = r"[^。 ]。" if is_chinese(prompt.text) else r"[^. ]\."
    start = r"\S" if is_chinese(prompt.text) else "[A-Z]"
    assert re.fullmatch(rf"{start}.*{end}", prompt.text)
    assert 5 <= num_words(prompt.text) <= 500
    assert "  " not in prompt.text


@pytest.mark.parametrize("prompt", STATED, ids=lambda prompt: prompt.id)
def test_text_states_every_fact(prompt: Prompt) -> None:
    facts, text = prompt.facts, prompt.text
    for fact in facts.objects:
        assert fact.color is None or fact.color in DETECTED_COLORS
        assert states(text, fact), fact
    for relation in facts.relations:
        pattern = related_in_chinese if is_chinese(text) else related
        assert pattern(relation, facts.objects).search(text), relation
    for words in filter(None, (facts.background, facts.style)):
        forms = CHINESE_WORDS[words] if is_chinese(text) else [rf"\b{words}\b"]
        assert any(re.search(form, text, re.I) for form in forms), words


@pytest.mark.parametrize("prompt", HINTED, ids=lambda prompt: prompt.id)
def test_what_is_marked_as_inferred_is_not_stated(prompt: Prompt) -> None:
    assert not all(states(prompt.text, fact) for fact in prompt.facts.objects)
    assert prompt.category == "reasoning"


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.id)
def test_facts_are_unambiguous(prompt: Prompt) -> None:
    objects = prompt.facts.objects
    by_name_and_color = Counter((fact.name, fact.color) for fact in objects)
    assert max(by_name_and_color.values()) == 1, "one entry for one kind of thing"
    for name, number in Counter(fact.name for fact in objects).items():
        colors = [fact.color for fact in objects if fact.name == name]
        assert number == 1 or None not in colors, f"every {name} needs its color"
    for relation in prompt.facts.relations:
        assert objects[relation.subject].count == objects[relation.object].count == 1
    assert all(fact.size is fact.fill is fact.position is None for fact in objects)
    assert max(len(fact.name.split()) for fact in objects) <= 4, "a detector reads 16 tokens"


def test_no_word_for_chinese_texts_is_left_over() -> None:
    facts = [prompt.facts for prompt in PROMPTS if "chinese" in prompt.tags]
    names = {fact.name for each in facts for fact in each.objects}
    names |= {words for each in facts for words in (each.background, each.style) if words}
    assert CHINESE_WORDS.keys() <= names
    texts = "".join(prompt.text for prompt in PROMPTS)
    assert all(form in texts for forms in CHINESE_WORDS.values() for form in forms)


def test_many_objects_have_names_a_coco_detector_knows() -> None:
    for category, share in {"object": 0.45, "relation": 0.5, "count": 0.4, "swapped": 0.45}.items():
        facts = [prompt.facts for prompt in in_category(PROMPTS, category)]
        names = [fact.name for each in facts for fact in each.objects]
        assert sum(name in COCO for name in names) > share * len(names), category


@pytest.mark.parametrize(("phase", "share"), phases())
def test_phases_are_balanced(phase: tuple[Prompt, ...], share: int) -> None:
    """A quarter of the relations each way; about a quarter portraits, a quarter landscapes."""
    firsts = Counter(p.facts.relations[0].relation for p in in_category(phase, "relation"))
    assert firsts == dict.fromkeys(PHRASES, share // 4)
    pictures = in_category(phase, "composition")
    for kind in ("portrait", "landscape"):
        number = sum(kind in prompt.tags for prompt in pictures)
        assert number == pytest.approx(share / 4, abs=1)
    assert {fact.color for p in phase for fact in p.facts.objects if fact.color} == set(
        DETECTED_COLORS
    )


@pytest.mark.parametrize(("phase", "share"), phases())
def test_phases_count_from_one_up(phase: tuple[Prompt, ...], share: int) -> None:
    counts = [[f.count for f in prompt.facts.objects] for prompt in in_category(phase, "count")]
    assert all(max(numbers) > 1 for numbers in counts)
    most = {8: 6, 16: 7}.get(share, 8)
    assert {number for numbers in counts for number in numbers} == set(range(1, most + 1))
