"""Prompts without and with a style, background or fill, worded alike but for that."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zimage_eval.config.benchmarks import Attribute, StyleVectors
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.captions import word_caption
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.sets import Prompt


class StyledPair(NamedTuple):
    """A prompt without any style, background or fill, and what becomes of it with one."""

    prompt_id: str
    plain: str
    facts: Facts
    """Of the plain prompt."""
    styled: dict[str, str]
    """By name of the attribute."""
    styled_facts: dict[str, Facts]


def styled_pairs(
    prompts: Sequence[Prompt], attributes: Mapping[str, Attribute], seed: int
) -> list[StyledPair]:
    """Prompts with their styles left out, and with each attribute in turn, else worded alike.

    Captions of scenes are worded anew from their facts. To any other text the attribute's own words
    are added, and it is left out if it states a background or a style.
    """
    pairs = []
    for prompt in prompts:
        plain = _without(prompt.facts)
        is_scene = parse_caption(prompt.text) is not None
        if not is_scene and plain != prompt.facts:
            continue
        facts = {name: _with(plain, attribute) for name, attribute in attributes.items()}
        wording = f"{seed}/{prompt.id}"
        pairs.append(
            StyledPair(
                prompt.id,
                word_caption(plain, random.Random(wording)) if is_scene else prompt.text,
                plain,
                {
                    name: word_caption(facts[name], random.Random(wording))
                    if is_scene
                    else f"{prompt.text} {attribute.words}"
                    for name, attribute in attributes.items()
                },
                facts,
            )
        )
    return pairs


def split_pairs(
    pairs: Sequence[StyledPair], params: StyleVectors
) -> tuple[list[StyledPair], list[StyledPair]]:
    """Pairs to fit on and pairs to add to, drawn at random; no scene is in both.

    Raises:
        ValueError: there are not so many.
    """
    wanted = params.num_fitted + params.num_held_out
    if len(pairs) < wanted:
        raise ValueError(f"{wanted} prompts are asked for, {len(pairs)} can take an attribute")
    chosen = random.Random(params.seed).sample(list(pairs), wanted)
    return chosen[: params.num_fitted], chosen[params.num_fitted :]


def _without(facts: Facts) -> Facts:
    objects = tuple(fact.model_copy(update={"fill": None}) for fact in facts.objects)
    return facts.model_copy(update={"objects": objects, "background": None, "style": None})


def _with(facts: Facts, attribute: Attribute) -> Facts:
    if attribute.kind != "fill":
        return facts.model_copy(update={attribute.kind: attribute.value})
    objects = tuple(fact.model_copy(update={"fill": attribute.value}) for fact in facts.objects)
    return facts.model_copy(update={"objects": objects})
