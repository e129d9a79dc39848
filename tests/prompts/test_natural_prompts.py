"""The natural prompts: how many there are, and that each text states each of its facts."""

import re
from collections import Counter
from collections.abc import Sequence

import pytest

from tests.support.repository import ROOT
from zimage_eval.prompts.facts import ObjectFact, RelationFact
from zimage_eval.prompts.sets import Prompt, load_prompt_set, split_phases

PROMPTS = load_prompt_set(ROOT / "prompts/natural")
SCREEN, CONFIRM = split_phases(PROMPTS, num_screen=64, num_confirm=128)

COLORS = {"red", "orange", "yellow", "green", "blue", "purple"}
COLORS |= {"pink", "brown", "black", "white", "gray"}
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}
PLURALS = {"child": "children", "knife": "knives", "person": "people", "sheep": "sheep"}
PHRASES = {"left_of": "left of", "right_of": "right of", "above": "above", "below": "below"}
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


def plural(name: str) -> str:
    """`name` with its last word in the plural."""
    *before, last = name.split()
    if last.endswith("man"):
        many = last.removesuffix("man") + "men"
    else:
        many = PLURALS.get(last, last + ("es" if re.search(r"(s|x|ch|sh)$", last) else "s"))
    return " ".join([*before, many])


def stated(fact: ObjectFact) -> re.Pattern[str]:
    """What a text must hold: number, color and noun in this order, at most two words between."""
    noun = fact.name if fact.count == 1 else plural(fact.name)
    words = [NUMBERS[fact.count]] if fact.count > 1 else []
    words += [fact.color] if fact.color else []
    between = r"(?: [\w-]+){0,2} "
    return re.compile(r"\b" + "".join(word + between for word in words) + noun + r"\b", re.I)


def related(relation: RelationFact, objects: Sequence[ObjectFact]) -> re.Pattern[str]:
    """What a text must hold: subject, phrase, object; or phrase, object, subject."""
    subject, target = objects[relation.subject].name, objects[relation.object].name
    phrase = rf"\b{PHRASES[relation.relation]} (?:an?|the) (?:[\w-]+ ){{0,3}}{target}\b"
    return re.compile(rf"\b{subject}\b[^.]*{phrase}|{phrase}[^.]*\b{subject}\b", re.I)


def in_category(prompts: Sequence[Prompt], category: str) -> list[Prompt]:
    return [prompt for prompt in prompts if prompt.category == category]


def test_there_are_48_prompts_in_each_category_with_ids_in_file_order() -> None:
    assert len(SCREEN) + len(CONFIRM) == len(PROMPTS) == 192
    for category in ("object", "relation", "count", "composition"):
        ids = [prompt.id for prompt in in_category(PROMPTS, category)]
        assert ids == [f"{category}-{number:03d}" for number in range(1, 49)]


def test_texts_are_distinct_sentences_of_6_to_60_words() -> None:
    bare = [re.sub(r"\W+", " ", prompt.text.casefold()).strip() for prompt in PROMPTS]
    assert len(set(bare)) == len(bare)
    for prompt in PROMPTS:
        assert 6 <= len(prompt.text.split()) <= 60, prompt.id
        assert re.fullmatch(r"[A-Z].*[^. ]\.", prompt.text), prompt.id
        assert "  " not in prompt.text, prompt.id


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.id)
def test_text_states_every_fact(prompt: Prompt) -> None:
    facts = prompt.facts
    for fact in facts.objects:
        assert fact.color is None or fact.color in COLORS
        assert stated(fact).search(prompt.text), fact
    for relation in facts.relations:
        assert related(relation, facts.objects).search(prompt.text), relation
    for words in filter(None, (facts.background, facts.style)):
        assert re.search(rf"\b{words}\b", prompt.text, re.I), words


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


def test_most_objects_have_names_a_coco_detector_knows() -> None:
    names = [fact.name for prompt in PROMPTS for fact in prompt.facts.objects]
    assert sum(name in COCO for name in names) > 0.6 * len(names)


@pytest.mark.parametrize(("phase", "share"), [(SCREEN, 4), (CONFIRM, 8)])
def test_phases_are_balanced(phase: tuple[Prompt, ...], share: int) -> None:
    """A quarter of the relations each way; a quarter portraits, a quarter landscapes."""
    firsts = Counter(p.facts.relations[0].relation for p in in_category(phase, "relation"))
    assert firsts == dict.fromkeys(PHRASES, share)
    texts = [prompt.text for prompt in in_category(phase, "composition")]
    portraits = {text for text in texts if re.search(r"\bportrait\b", text, re.I)}
    landscapes = {text for text in texts if re.search(r"\blandscape\b", text, re.I)}
    assert len(portraits) == len(landscapes) == share
    assert not portraits & landscapes
    assert {fact.color for p in phase for fact in p.facts.objects if fact.color} == COLORS


@pytest.mark.parametrize("phase", [SCREEN, CONFIRM])
def test_phases_count_from_one_to_seven(phase: tuple[Prompt, ...]) -> None:
    counts = [[f.count for f in prompt.facts.objects] for prompt in in_category(phase, "count")]
    assert all(max(numbers) > 1 for numbers in counts)
    assert {number for numbers in counts for number in numbers} == set(range(1, 8))
