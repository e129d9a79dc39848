"""Pairs of prompts without and with a style, background or fill, and otherwise the same words."""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zimage_eval.config.benchmarks import Attribute, StyleVectors
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.captions import word_caption
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.sets import Prompt


class StyledPair(NamedTuple):
    """A prompt without any style, background or fill, and the same prompt with each attribute."""

    prompt_id: str
    plain: str
    facts: Facts
    """Facts of the plain prompt."""
    styled: dict[str, str]
    """Attribute -> prompt with it."""
    styled_facts: dict[str, Facts]


def styled_pairs(
    prompts: Sequence[Prompt], attributes: Mapping[str, Attribute], seed: int
) -> list[StyledPair]:
    """Prompts without any style, and with each attribute in turn, otherwise in the same words.

    Captions of scenes are written again from their facts. Other texts get the attribute's words at
    the end; they are left out if they state a background or a style.
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
                prompt_id=prompt.id,
                plain=word_caption(plain, random.Random(wording)) if is_scene else prompt.text,
                facts=plain,
                styled={
                    name: word_caption(facts[name], random.Random(wording))
                    if is_scene
                    else f"{prompt.text} {attribute.words}"
                    for name, attribute in attributes.items()
                },
                styled_facts=facts,
            )
        )
    return pairs


def split_pairs(
    pairs: Sequence[StyledPair], params: StyleVectors
) -> tuple[list[StyledPair], list[StyledPair]]:
    """Choose at random pairs to fit directions on, and other pairs to add the directions to.

    Raises:
        ValueError: there are fewer pairs than `params` asks for.
    """
    num_pairs = params.num_fitted + params.num_held_out
    if len(pairs) < num_pairs:
        raise ValueError(
            f"num_fitted + num_held_out is {num_pairs}, "
            f"but only {len(pairs)} prompts can take an attribute"
        )
    chosen = random.Random(params.seed).sample(list(pairs), num_pairs)
    return chosen[: params.num_fitted], chosen[params.num_fitted :]


def _without(facts: Facts) -> Facts:
    objects = tuple(fact.model_copy(update={"fill": None}) for fact in facts.objects)
    return facts.model_copy(update={"objects": objects, "background": None, "style": None})


def _with(facts: Facts, attribute: Attribute) -> Facts:
    if attribute.kind != "fill":
        return facts.model_copy(update={attribute.kind: attribute.value})
    objects = tuple(fact.model_copy(update={"fill": attribute.value}) for fact in facts.objects)
    return facts.model_copy(update={"objects": objects})
