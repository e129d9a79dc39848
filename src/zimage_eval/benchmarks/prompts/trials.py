"""Prompts that may fail: every pair of color and shape, every word of a relation, many objects."""

import random
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from zimage_eval.config.benchmarks import Trials
from zimage_eval.prompts.facts import Facts, ObjectFact, RelationFact
from zimage_eval.prompts.scenes.captions import word_caption
from zimage_eval.prompts.scenes.parsing import split_caption
from zimage_eval.prompts.scenes.world import COLORS, SHAPES
from zimage_eval.prompts.sets import PromptRow, prompt_seeds

PROMPT_SET: Final = "prompt_set"
PAIR: Final = "pair"
RELATION_WORD: Final = "relation_word"
CROWD: Final = "crowd"
SceneParts = Iterator[tuple[str, str, str, str, Facts]]
"""Id, group, level, text and facts of each trial."""


class Trial(NamedTuple):
    """A prompt and the facts that its pictures must show."""

    trial_id: str
    group: str
    """`prompt_set` for prompts of the studies, else the name of what was varied."""
    level: str
    """The value of what was varied; for a prompt of the studies, its category."""
    text: str
    facts: Facts
    seeds: tuple[int, ...]


def study_trials(rows: Iterable[PromptRow], num_seeds: int) -> list[Trial]:
    """Trials of the prompts of PROMPTS tables, with the first seeds of their scenes."""
    return [
        Trial(
            trial_id=row["prompt_id"],
            group=PROMPT_SET,
            level=row["category"],
            text=row["text"],
            facts=Facts.model_validate_json(row["facts"]),
            seeds=prompt_seeds(row["prompt_id"], num_seeds),
        )
        for row in rows
    ]


def scene_trials(plan: Trials) -> list[Trial]:
    """Trials of scene captions, including scenes that the model may never have been trained on."""
    rng = random.Random(plan.seed)
    scenes = [*_pairs(rng), *_relation_words(plan, rng), *_crowds(plan, rng)]
    return [
        Trial(
            trial_id=name,
            group=group,
            level=level,
            text=text,
            facts=facts,
            seeds=prompt_seeds(name, plan.num_seeds),
        )
        for name, group, level, text, facts in scenes
    ]


def _pairs(rng: random.Random) -> SceneParts:
    """One object of each color and shape, without anything else."""
    for color in COLORS:
        for name in SHAPES:
            facts = Facts(objects=(ObjectFact(name=name, color=color),))
            text = word_caption(facts, rng, lead="")
            yield f"pair-{color}-{name}", PAIR, f"{color} {name}", text, facts


def _relation_words(plan: Trials, rng: random.Random) -> SceneParts:
    """The same pairs of objects with each word of a relation; prompts differ in this word only."""
    pairs = [_different_objects(2, rng) for _ in range(plan.num_object_pairs)]
    for relation, words in plan.relation_words.items():
        for word in words:
            for number, objects in enumerate(pairs):
                facts = Facts(
                    objects=objects,
                    relations=(RelationFact(subject=0, relation=relation, object=1),),
                )
                parts = split_caption(word_caption(Facts(objects=objects), rng, lead=""))
                assert parts is not None
                text = f" {word} ".join(parts.objects)
                name = f"word-{word.replace(' ', '-')}-{number:02}"
                yield name, RELATION_WORD, word, text, facts


def _crowds(plan: Trials, rng: random.Random) -> SceneParts:
    """Each number of objects, all of different shapes and colors, without a relation."""
    for size in plan.num_objects:
        for number in range(plan.prompts_per_number):
            facts = Facts(objects=_different_objects(size, rng))
            text = word_caption(facts, rng, lead="")
            yield f"crowd-{size}-{number:02}", CROWD, str(size), text, facts


def _different_objects(size: int, rng: random.Random) -> tuple[ObjectFact, ...]:
    if size > min(len(SHAPES), len(COLORS)):
        raise ValueError(
            f"num_objects holds {size}: there are {len(SHAPES)} shapes and {len(COLORS)} colors, "
            "and no two objects may share one"
        )
    names, colors = rng.sample(SHAPES, size), rng.sample(list(COLORS), size)
    return tuple(
        ObjectFact(name=name, color=color) for name, color in zip(names, colors, strict=True)
    )
