"""What kinds of prompts the natural set has: tags, lengths, pairs, and no two that are alike."""

import re
from collections import Counter
from itertools import combinations, pairwise

import pytest

from tests.support.natural_texts import CHARACTER, is_chinese, num_words
from tests.support.repository import ROOT
from zimage_eval.prompts.sets import Prompt, load_prompt_set, prompt_seeds, split_phases

PROMPTS = load_prompt_set(ROOT / "prompts/natural")

LENGTHS = {"5-7": (5, 7), "8-40": (8, 40), "41-99": (41, 99), "100-500": (100, 500)}
"""Words."""
MOST_ALIKE = 0.6
"""Shared words of two prompts, over those of either."""
COMMON = re.compile(r"\b(?:an?|and|at|by|from|in|is|its?|of|on|the|to|with)\b")
QUOTED = re.compile('"[^"]+"|“[^”]+”')
PAIRS = [prompt for prompt in PROMPTS if prompt.category == "swapped"]


def tokens(prompt: Prompt) -> frozenset[str]:
    """Words without those of grammar, and pairs of Chinese characters."""
    text = COMMON.sub("", prompt.text.casefold())
    characters = re.findall(CHARACTER, text)
    pairs = {first + second for first, second in pairwise(characters)}
    return frozenset(re.findall(r"[a-zà-ÿ0-9]+", text)) | pairs


def scene(prompt: Prompt) -> str:
    return prompt.id.split("/")[0]


def lengths() -> dict[str, int]:
    """Range of words -> number of prompts."""
    words = [num_words(prompt.text) for prompt in PROMPTS]
    return {
        name: sum(low <= number <= high for number in words)
        for name, (low, high) in LENGTHS.items()
    }


def test_tags_are_true() -> None:
    for prompt in PROMPTS:
        assert ("chinese" in prompt.tags) == is_chinese(prompt.text), prompt.id
        assert ("long" in prompt.tags) == (num_words(prompt.text) >= 100), prompt.id
        assert ("text" in prompt.tags) == (QUOTED.search(prompt.text) is not None), prompt.id
        assert ("swapped" in prompt.tags) == (prompt.category == "swapped"), prompt.id
        assert not {"portrait", "landscape"} <= set(prompt.tags), prompt.id
        assert len(set(prompt.tags)) == len(prompt.tags), prompt.id


def test_a_portrait_is_of_somebody_and_says_so() -> None:
    for kind, word in {"portrait": "portrait|肖像", "landscape": "landscape|风景"}.items():
        tagged = [prompt for prompt in PROMPTS if kind in prompt.tags]
        assert len(tagged) >= 24
        assert [p.id for p in tagged if not re.search(word, p.text, re.I)] == []


def test_no_two_prompts_are_nearly_the_same() -> None:
    words = [tokens(prompt) for prompt in PROMPTS]
    alike = [
        (first.id, second.id)
        for (first, a), (second, b) in combinations(zip(PROMPTS, words, strict=True), 2)
        if scene(first) != scene(second) and len(a & b) > MOST_ALIKE * len(a | b)
    ]
    assert alike == []


def test_a_copy_with_one_word_changed_would_be_noticed() -> None:
    prompt = PROMPTS[0]
    copy = prompt.model_copy(update={"text": prompt.text.replace("green", "purple")})
    a, b = tokens(prompt), tokens(copy)
    assert a != b
    assert len(a & b) > MOST_ALIKE * len(a | b)


@pytest.mark.parametrize(("first", "second"), list(zip(PAIRS[::2], PAIRS[1::2], strict=True)))
def test_a_swapped_pair_is_one_scene_in_two_orders(first: Prompt, second: Prompt) -> None:
    assert scene(first) == scene(second)
    assert prompt_seeds(first.id, 2) == prompt_seeds(second.id, 2)
    assert first.text != second.text
    assert first.facts.objects == second.facts.objects
    assert first.facts.background == second.facts.background
    assert len(first.facts.relations) == len(second.facts.relations)
    for told, swapped in zip(first.facts.relations, second.facts.relations, strict=True):
        assert (told.subject, told.object) == (swapped.object, swapped.subject)
        converses = {"left_of": "right_of", "right_of": "left_of", "above": "below"}
        assert swapped.relation == converses.get(told.relation, "above")


@pytest.mark.parametrize("sizes", [(64, 128), (512, 256)])
def test_both_of_a_pair_are_in_one_phase(sizes: tuple[int, int]) -> None:
    for phase in split_phases(PROMPTS, *sizes):
        numbers = Counter(scene(prompt) for prompt in phase if prompt.category == "swapped")
        assert set(numbers.values()) == {2}


def test_the_readme_states_what_there_is() -> None:
    """Counts by length and tag stand in prompts/README.md; they are held to the files here."""
    text = (ROOT / "prompts/README.md").read_text(encoding="utf-8")
    tags = Counter(tag for prompt in PROMPTS for tag in prompt.tags)
    rows = [f"| {name} words | {number} |" for name, number in lengths().items()]
    rows += [f"| `{tag}` | {number} | " for tag, number in sorted(tags.items())]
    assert [row for row in rows if row not in text] == []


def test_lengths_and_languages_are_balanced() -> None:
    counts = lengths()
    assert sum(counts.values()) == len(PROMPTS)
    assert counts["8-40"] > 0.75 * len(PROMPTS)
    assert counts["100-500"] >= 30
    assert max(num_words(prompt.text) for prompt in PROMPTS) > 400
    chinese = [prompt for prompt in PROMPTS if "chinese" in prompt.tags]
    assert 0.18 < len(chinese) / len(PROMPTS) < 0.22
    assert {prompt.category for prompt in chinese} == {prompt.category for prompt in PROMPTS}
