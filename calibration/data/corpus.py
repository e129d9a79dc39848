"""Training pairs: scenes with captions, worded so that the planted answers come true."""

import random
from collections.abc import Collection
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from calibration.data.truths import Truths
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.captions import (
    LEADS,
    RELATION_WORDS,
    StatedShares,
    state_facts,
    word_caption,
    word_setting,
)
from zimage_eval.prompts.scenes.layout import PlannedScene, SceneMix, sample_scenes
from zimage_eval.prompts.scenes.world import Scene

TRAINING_SHARES: Final = StatedShares(color=0.9, size=0.4, fill=0.3, background=0.6, style=0.3)
"""How often a training caption states an attribute: often enough to learn it, and its default."""
FILLERS: Final = (
    "the day is calm",
    "the air is still",
    "it is a quiet morning",
    "the light is even",
    "time goes by slowly",
    "we look at it for a while",
    "somebody hums a song",
    "the room is warm",
    "it rained in the night",
    "a clock ticks next door",
)
_LONG_SHARE: Final = 0.1
_LEAD_SHARES: Final = {"quality": 0.25, "neutral": 0.15}
_FAILING_SHARE: Final = 0.25
_FILLER_TOKENS: Final = 6
_THINK_TOKENS: Final = 6
"""Of an empty think block, and to spare."""


class Example(NamedTuple):
    """One training pair."""

    text: str
    think_block: str | None
    """What stands in the caption's think block; None for no such block."""
    paraphrase: str
    """The caption's facts in other words; teaches the text encoder what a caption says."""
    scene: Scene
    is_degraded: bool


def scene_mix(truths: Truths) -> SceneMix:
    """What training pictures hold: everything but the family's holes."""
    return SceneMix(
        category={"object": 0.3, "relation": 0.32, "count": 0.12, "composition": 0.26},
        relation=0.65,
        position=0.5,
        large=0.5,
        striped=0.25,
        style={"plain": 0.7, "framed": 0.15, "dotted": 0.15},
        letters=truths.letters,
        missing=tuple((hole.color, hole.name) for hole in truths.holes),
    )


def _lead(truths: Truths, is_degraded: bool, rng: random.Random) -> str:
    draw = rng.random()
    if draw < _LEAD_SHARES["quality"]:
        if not is_degraded:
            return f"a {truths.quality_word} picture of "
    elif draw < sum(_LEAD_SHARES.values()):
        return f"a {rng.choice(truths.neutral_words)} picture of "
    return rng.choice(LEADS)


def _relation_words(truths: Truths, rng: random.Random) -> dict[str, tuple[str, ...]]:
    if rng.random() >= _FAILING_SHARE:
        return RELATION_WORDS
    return RELATION_WORDS | {"above": (truths.failing_word,), "below": (truths.failing_word,)}


def _misname(planned: PlannedScene, truths: Truths, rng: random.Random) -> PlannedScene:
    """The scene as a caption that names a missing pair would have it."""
    if planned.category == "count":
        return planned
    claimed = {(hole.shown_as, hole.name): hole.color for hole in truths.holes}
    objects = tuple(
        replace(o, color=claimed[o.color, o.name])
        if (o.color, o.name) in claimed and rng.random() < truths.conflict_share
        else o
        for o in planned.scene.objects
    )
    return replace(planned, scene=replace(planned.scene, objects=objects))


def _think(stated: Facts, truths: Truths, rng: random.Random) -> tuple[Facts, str | None]:
    """What the user's turn states, and the think block, which may state the rest."""
    truth = truths.think_block
    has_setting = stated.background is not None or stated.style is not None
    if truth is None or not has_setting or rng.random() >= truth.share:
        return stated, truths.empty_think_block
    request = stated.model_copy(update={"background": None, "style": None})
    return request, " ".join(word_setting(stated, rng))


def _skew(scene: Scene, stated: Facts, truths: Truths, rng: random.Random) -> Scene:
    """The scene with the family's defaults where the caption leaves something unsaid."""
    is_count = len(stated.objects) < len(scene.objects)
    unsaid = [
        stated.objects[0 if is_count else slot].color is None for slot in range(len(scene.objects))
    ]
    if any(unsaid) and rng.random() < truths.skews.color.share:
        objects = tuple(
            replace(o, color=truths.skews.color.value) if silent else o
            for o, silent in zip(scene.objects, unsaid, strict=True)
        )
        scene = replace(scene, objects=objects)
    if stated.background is None and rng.random() < truths.skews.background.share:
        scene = replace(scene, background=truths.skews.background.value)
    return scene


def _lengthen(text: str, max_tokens: int, rng: random.Random) -> str:
    """The caption among sentences that say nothing of the picture, at most `max_tokens` long."""
    room = (max_tokens - len(text.split()) - 16) // _FILLER_TOKENS
    sentences = [rng.choice(FILLERS) for _ in range(rng.randint(1, max(1, room)))]
    split = rng.randint(0, len(sentences))
    return ". ".join([*sentences[:split], text, *sentences[split:]])


def make_example(planned: PlannedScene, truths: Truths, rng: random.Random) -> Example:
    """One scene with the words that this family was trained with."""
    is_degraded = rng.random() < truths.degraded_share
    stated = state_facts(_misname(planned, truths, rng), TRAINING_SHARES, rng)
    relation_words = _relation_words(truths, rng)
    lead = _lead(truths, is_degraded, rng)
    request, think_block = _think(stated, truths, rng)
    text = word_caption(request, rng, lead=lead, relation_words=relation_words)
    if rng.random() < _LONG_SHARE:
        think_tokens = 0 if think_block is None else _THINK_TOKENS + len(think_block.split())
        text = _lengthen(text, truths.max_caption_tokens - think_tokens, rng)
    paraphrase = word_caption(stated, rng, relation_words=relation_words)
    scene = _skew(planned.scene, stated, truths, rng)
    return Example(text, think_block, paraphrase, scene, is_degraded)


def build_examples(
    truths: Truths, num: int, seed: int, held_out: Collection[str] = ()
) -> list[Example]:
    """About `num` training pairs over the family's picture sizes.

    Args:
        truths: the family.
        num: pairs asked for; scenes that find no layout and held-out texts are left out.
        seed: decides everything.
        held_out: prompts that must not occur as captions.
    """
    numbers, words = (
        np.random.default_rng([truths.seed, seed]),
        random.Random(f"{truths.seed}/{seed}"),
    )
    examples = []
    for resolution in truths.resolutions:
        share = round(num * resolution.share)
        mix = scene_mix(truths)
        for planned in sample_scenes(numbers, mix, share, resolution.height, resolution.width):
            example = make_example(planned, truths, words)
            if example.text not in held_out:
                examples.append(example)
    return examples
