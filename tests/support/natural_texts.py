"""How a text of prompts/natural states a fact, in English and in Chinese."""

import re
from collections.abc import Mapping, Sequence

from tests.support.repository import ROOT
from zimage_eval.config.frozen import read_yaml
from zimage_eval.prompts.facts import ObjectFact, RelationFact

NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}
CHINESE_NUMBERS = {2: "两", 3: "三", 4: "四", 5: "五", 6: "六", 7: "七", 8: "八"}
PLURALS = {
    "child": "children",
    "deer": "deer",
    "goose": "geese",
    "knife": "knives",
    "leaf": "leaves",
    "person": "people",
    "sheep": "sheep",
}
PHRASES = {"left_of": "left of", "right_of": "right of", "above": "above", "below": "below"}
CHINESE_PHRASES = {"left_of": "左边", "right_of": "右边", "above": "上方", "below": "下方"}
CHINESE_COLORS = {
    "red": "红",
    "orange": "[橙橘]",
    "yellow": "黄",
    "green": "绿",
    "blue": "[蓝青]",
    "purple": "紫",
    "pink": "粉",
    "brown": "棕",
    "black": "黑",
    "white": "白",
    "gray": "灰",
}
CHINESE_WORDS: Mapping[str, Sequence[str]] = read_yaml(ROOT / "tests/prompts/chinese_words.yaml")
"""Name, background or style in a fact -> the words for it in the texts."""
CHARACTER = "[\u4e00-\u9fff]"


def num_words(text: str) -> int:
    """Words of a text; two Chinese characters are one, as is usual."""
    return len(re.findall(r"[A-Za-zÀ-ÿ0-9'-]+", text)) + len(re.findall(CHARACTER, text)) // 2


def is_chinese(text: str) -> bool:
    """Whether the text is Chinese, whatever it quotes."""
    return len(re.findall(CHARACTER, text)) > len(re.findall("[A-Za-z]+", text))


def plural(name: str) -> str:
    """`name` with its last word in the plural."""
    *before, last = name.split()
    if last.endswith("man"):
        many = last.removesuffix("man") + "men"
    else:
        many = PLURALS.get(last, last + ("es" if re.search(r"(s|x|ch|sh)$", last) else "s"))
    return " ".join([*before, many])


def stated(fact: ObjectFact) -> re.Pattern[str]:
    """What an English text must hold: number, color, noun in this order, two words between."""
    noun = fact.name if fact.count == 1 else plural(fact.name)
    words = [NUMBERS[fact.count]] if fact.count > 1 else []
    words += [fact.color] if fact.color else []
    between = r"(?: [\w-]+){0,2} "
    return re.compile(r"\b" + "".join(word + between for word in words) + noun + r"\b", re.I)


def stated_in_chinese(fact: ObjectFact) -> re.Pattern[str]:
    """What a Chinese text must hold: number, color and noun, at most three characters between."""
    words = [CHINESE_NUMBERS[fact.count]] if fact.count > 1 else []
    words += [CHINESE_COLORS[fact.color]] if fact.color else []
    noun = "|".join(CHINESE_WORDS.get(fact.name, ["(?!)"]))
    between = f"{CHARACTER}{{0,3}}"
    return re.compile("".join(word + between for word in words) + f"(?:{noun})")


def related(relation: RelationFact, objects: Sequence[ObjectFact]) -> re.Pattern[str]:
    """What an English text must hold: subject, phrase, object; or phrase, object, subject."""
    subject, target = objects[relation.subject].name, objects[relation.object].name
    phrase = rf"\b{PHRASES[relation.relation]} (?:an?|the) (?:[\w-]+ ){{0,3}}{target}\b"
    return re.compile(rf"\b{subject}\b[^.]*{phrase}|{phrase}[^.]*\b{subject}\b", re.I)


def related_in_chinese(relation: RelationFact, objects: Sequence[ObjectFact]) -> re.Pattern[str]:
    """What a Chinese text must hold: the object before the phrase, the subject on either side."""
    subject, target = (
        "|".join(CHINESE_WORDS[objects[index].name])
        for index in (relation.subject, relation.object)
    )
    phrase = f"(?:{target})的{CHINESE_PHRASES[relation.relation]}"
    return re.compile(f"(?:{subject})[^。]*{phrase}|{phrase}[^。]*(?:{subject})")
