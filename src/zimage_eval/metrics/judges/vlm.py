"""The judge that asks a vision-language model a question for each fact (Soft-TIFA), and VQAScore.

Soft-TIFA is of GenEval 2, VQAScore of Lin et al. 2024; both score a picture by P(yes).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from zimage_eval.config.kinds import FactKind
from zimage_eval.metrics.networks.vision_language import VisionLanguageModel
from zimage_eval.prompts.facts import FactResult, Facts, ObjectFact

AskModel = Callable[[np.ndarray, Sequence[str]], list[float]]
"""(height, width, 3) uint8 picture and questions -> P(yes) of each."""
PLACE_WORDS: Mapping[str, str] = {
    "left": "on the left side of",
    "right": "on the right side of",
    "top": "at the top of",
    "bottom": "at the bottom of",
    "center": "in the center of",
}
RELATION_WORDS: Mapping[str, str] = {
    "left_of": "to the left of",
    "right_of": "to the right of",
    "above": "above",
    "below": "below",
}
ENDING = " Answer yes or no."
VQA_QUESTION = 'Does this figure show "{}"? Please answer yes or no.'
"""VQAScore's own question."""


class ModelQuestion(NamedTuple):
    """A question about a fact."""

    kind: FactKind
    subject: int | None
    """As `FactResult.subject`."""
    words: str


def judge_by_questions(image: np.ndarray, facts: Facts, ask: AskModel) -> list[FactResult]:
    """The probability that each fact holds in a picture; it counts as held from 0.5 on.

    Args:
        image: (height, width, 3) uint8.
        facts: of its prompt.
        ask: the model.
    """
    questions = list(fact_questions(facts))
    probabilities = ask(image, [question.words for question in questions])
    return [
        FactResult(question.kind, probability >= 0.5, question.subject, probability)
        for question, probability in zip(questions, probabilities, strict=True)
    ]


def fact_questions(facts: Facts) -> Iterator[ModelQuestion]:
    """Yield a question for each fact; all are right for singular and plural names alike."""
    for index, fact in enumerate(facts.objects):
        for kind, words in _object_questions(fact):
            yield ModelQuestion(kind, index, words + ENDING)
    for index, relation in enumerate(facts.relations):
        subject, landmark = (
            _thing(facts.objects[place]) for place in (relation.subject, relation.object)
        )
        where = RELATION_WORDS[relation.relation]
        yield ModelQuestion(
            "relation", index, f"In this picture, is the {subject} {where} the {landmark}?{ENDING}"
        )
    if facts.background is not None:
        words = f"Is the background of this picture {facts.background}?{ENDING}"
        yield ModelQuestion("background", None, words)
    if facts.style is not None:
        words = f"Is the style or medium of this picture {facts.style}?{ENDING}"
        yield ModelQuestion("style", None, words)


def vqa_score(
    images: Sequence[np.ndarray], texts: Sequence[str], model: VisionLanguageModel
) -> list[float]:
    """P(yes) to whether each picture shows its whole prompt, in [0, 1]."""
    return [
        model.yes_probabilities(image, [VQA_QUESTION.format(text)])[0]
        for image, text in zip(images, texts, strict=True)
    ]


def _object_questions(fact: ObjectFact) -> Iterator[tuple[FactKind, str]]:
    thing = _thing(fact)
    yield "shape", f"Is there at least one {fact.name} in this picture?"
    if fact.color is not None and fact.count == 1:
        yield "color", f"Is there at least one {thing} in this picture?"
    elif fact.color is not None:
        yield "color", f"Counting every {thing} in this picture, are there at least {fact.count}?"
    if fact.size is not None:
        yield "size", f"Is the {thing} in this picture {fact.size}?"
    if fact.fill is not None:
        yield "fill", f"Is the {thing} in this picture {fact.fill}?"
    yield "count", f"Counting every {thing} in this picture, are there exactly {fact.count}?"
    if fact.position is not None:
        yield "position", f"Is the {thing} {PLACE_WORDS[fact.position]} this picture?"


def _thing(fact: ObjectFact) -> str:
    return fact.name if fact.color is None else f"{fact.color} {fact.name}"
