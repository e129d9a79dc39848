"""Directions that stand for words of style: found as differences of means, added to embeddings.

An encoder that reads forwards gives words that stand before the style the same vectors with and
without it. What differs are the style's own words and the tokens that follow the prompt, so there
are two directions: one over the words' mean vectors, added to every word, and one over the tokens
behind the prompt, added to each of these in its place.
"""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from zimage_eval.benchmark_observations import Observation
from zimage_eval.benchmark_params import Attribute, StyleVectors
from zimage_eval.chat_format import TURN_END
from zimage_eval.content_vectors import CaptionNorm, Floats, content, token_vectors
from zimage_eval.drawn_prompts import Artist, Drawing, Drawn, draw_and_judge
from zimage_eval.embeddings import TextEmbeddings
from zimage_eval.facts import Facts
from zimage_eval.prompt_sets import Prompt, prompt_seeds
from zimage_eval.scene_captions import word_facts
from zimage_eval.scene_parsing import parse_caption
from zimage_eval.statistics import estimate

Row = dict[str, float | None]
ARMS = ("words_vector", "after_vector", "random_vector")


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
                word_facts(plain, random.Random(wording)) if is_scene else prompt.text,
                plain,
                {
                    name: word_facts(facts[name], random.Random(wording))
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


class Directions(NamedTuple):
    """What an attribute changes, over the prompts it was fitted on."""

    of_words: Floats
    """`(hidden_size,)` difference of the mean word vectors, brought to a word's mean length."""
    after: Floats
    """`(num_after, hidden_size)` mean difference of each token behind the prompt."""
    word_length: float
    """Of the words' vectors, the mean."""
    halves_cosine: float
    """Of the words' directions from two halves of the prompts."""
    shared_words_change: float
    """Largest change of a word that stands before the first difference; 0 for a causal encoder."""


def fit_directions(plain: Sequence[TextEmbeddings], styled: Sequence[TextEmbeddings]) -> Directions:
    """Directions from prompts without and with an attribute, in the same order.

    They are fitted before the transformer's norm, where they are added.
    """
    differences = np.stack(
        [
            content(b, None).mean(axis=0) - content(a, None).mean(axis=0)
            for a, b in zip(plain, styled, strict=True)
        ]
    )
    length = float(np.mean([np.linalg.norm(content(a, None), axis=1).mean() for a in plain]))
    mean = differences.mean(axis=0)
    one, other = differences[::2].mean(axis=0), differences[1::2].mean(axis=0)
    after = [_after(b) - _after(a) for a, b in zip(plain, styled, strict=True)]
    return Directions(
        mean / np.linalg.norm(mean) * length,
        np.mean(after, axis=0),
        length,
        float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)),
        max(_shared_change(a, b) for a, b in zip(plain, styled, strict=True)),
    )


def _num_after(entry: TextEmbeddings) -> int:
    """Tokens from the end of the user's turn on; 0 without a chat format."""
    return len(entry.tokens) - entry.tokens.index(TURN_END) if TURN_END in entry.tokens else 0


def _after(entry: TextEmbeddings) -> Floats:
    vectors = entry.prompt_embeds.double().numpy()
    return np.asarray(vectors[len(vectors) - _num_after(entry) :], dtype=np.float64)


def _shared_change(plain: TextEmbeddings, styled: TextEmbeddings) -> float:
    """Relative change of the words up to the first that differs."""
    (ids, one), (other_ids, other) = (token_vectors(e).of("content") for e in (plain, styled))
    length = min(len(ids), len(other_ids))
    same = ids[:length] == other_ids[:length]
    shared = length if same.all() else int(np.argmin(same))
    if not shared:
        return 0.0
    return float(np.abs(one[:shared] - other[:shared]).max() / np.abs(one[:shared]).max())


def steer(
    entry: TextEmbeddings, directions: Directions, arm: str, strength: float, random_vector: Floats
) -> torch.Tensor:
    """`(num_tokens, hidden_size)` float32: the plain prompt's embeddings with something added."""
    changed = entry.prompt_embeds.double().numpy().copy()
    words = token_vectors(entry).classes == "content"
    if arm == "words_vector":
        changed[words] += strength * directions.of_words
    elif arm == "random_vector":
        changed[words] += strength * random_vector * directions.word_length
    elif len(directions.after):
        changed[-len(directions.after) :] += strength * directions.after
    return torch.from_numpy(changed).float()


class Steered(NamedTuple):
    """A picture to be drawn, and where it belongs."""

    attribute: str
    variant: str
    prompt_id: str
    drawing: Drawing


def plan_drawings(
    pairs: Sequence[StyledPair],
    plain: Sequence[TextEmbeddings],
    styled: Mapping[str, Sequence[TextEmbeddings]],
    directions: Mapping[str, Directions],
    params: StyleVectors,
) -> list[Steered]:
    """Every arm at every strength on held-out prompts, beside nothing added and the words added."""
    rng = np.random.default_rng(params.seed)
    hidden_size = plain[0].prompt_embeds.shape[1]
    drawings = []
    for name in params.attributes:
        for index, pair in enumerate(pairs):
            (seed,) = prompt_seeds(pair.prompt_id, 1)
            facts = pair.styled_facts[name]
            noise = rng.standard_normal(hidden_size)
            noise /= np.linalg.norm(noise)
            embeds = {
                "nothing": plain[index].prompt_embeds.float(),
                "words": styled[name][index].prompt_embeds.float(),
            } | {
                f"{arm},strength={strength:g}": steer(
                    plain[index], directions[name], arm, strength, noise
                )
                for arm in ARMS
                for strength in params.strengths
            }
            drawings += [
                Steered(name, variant, pair.prompt_id, Drawing(vectors, seed, facts))
                for variant, vectors in embeds.items()
            ]
    return drawings


def observe(
    steered: Sequence[Steered], attributes: Mapping[str, Attribute], artist: Artist
) -> list[Observation]:
    """Of each picture: whether it has the attribute, the share of its other facts, and both."""
    drawn = draw_and_judge([each.drawing for each in steered], artist)
    found = []
    for each, picture in zip(steered, drawn, strict=True):
        scores = _scores(picture, attributes[each.attribute])
        found += [
            Observation(each.variant, each.prompt_id, 0, each.attribute, metric, value)
            for metric, value in scores.items()
        ]
    return found


def _scores(drawn: Drawn, attribute: Attribute) -> dict[str, float | None]:
    held = drawn.held or {}
    own = [value for name, value in held.items() if name.split()[0] == attribute.kind]
    others = [value for name, value in held.items() if name.split()[0] != attribute.kind]
    return {
        "has_attribute": float(all(own)) if own else None,
        "other_facts": sum(others) / len(others) if others else None,
        "has_attribute_and_all_facts": float(all(held.values())) if own and others else None,
    }


def steering_rows(observations: Sequence[Observation]) -> dict[str, Row]:
    """`<attribute>,<variant>`: means with intervals, and the paired gain over nothing added.

    Of the vector over the words, also its gain over a random one of the same length.
    `all,<variant>` averages the attributes of each prompt first.
    """
    values: dict[tuple[str, str, str], dict[str, float]] = {}
    pooled: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for seen in observations:
        if seen.value is not None:
            key = (seen.category, seen.variant, seen.metric)
            values.setdefault(key, {})[seen.unit] = seen.value
            everywhere = pooled.setdefault(("all", *key[1:]), {})
            everywhere.setdefault(seen.unit, []).append(seen.value)
    for key, lists in pooled.items():
        values[key] = {unit: float(np.mean(found)) for unit, found in lists.items()}
    rows: dict[str, Row] = {}
    for (attribute, variant, metric), by_unit in values.items():
        base = values[attribute, "nothing", metric]
        mean = estimate(list(by_unit.values()), (0, 1))
        gain = estimate([v - base[unit] for unit, v in by_unit.items() if unit in base], (-1, 1))
        row = rows.setdefault(f"{attribute},{variant}", {"num_prompts": mean.num_prompts})
        random_arm = variant.replace("words_vector", "random_vector")
        if random_arm != variant:
            other = values[attribute, random_arm, metric]
            over = estimate(
                [v - other[unit] for unit, v in by_unit.items() if unit in other], (-1, 1)
            )
            row |= {
                f"{metric}_over_random": over.mean,
                f"{metric}_over_random_low": over.low,
                f"{metric}_over_random_high": over.high,
            }
        row.update(
            {
                metric: mean.mean,
                f"{metric}_low": mean.low,
                f"{metric}_high": mean.high,
                f"{metric}_gain": gain.mean,
                f"{metric}_gain_low": gain.low,
                f"{metric}_gain_high": gain.high,
            }
        )
    return rows


def direction_row(
    directions: Directions, entries: Sequence[TextEmbeddings], norm: CaptionNorm
) -> Row:
    """How steady a direction is, and what of it the transformer's norm lets through.

    `after_norm_share` is the length of what strength 1 changes there, over the words' own length.
    """
    shares = []
    for entry in entries:
        before = content(entry, None)
        change = norm(before + directions.of_words) - norm(before)
        shares.append(
            np.linalg.norm(change, axis=1).mean() / np.linalg.norm(norm(before), axis=1).mean()
        )
    return {
        "halves_cosine": directions.halves_cosine,
        "shared_words_change": directions.shared_words_change,
        "word_length": directions.word_length,
        "after_length": float(np.linalg.norm(directions.after, axis=1).mean())
        if len(directions.after)
        else None,
        "after_norm_share": float(np.mean(shares)),
    }


def steering_checks(rows: Mapping[str, Row], strengths: Sequence[float]) -> Row:
    """By statement, 1.0 where it holds, over all attributes."""

    def gains(arm: str, over: str = "gain") -> list[float]:
        found = (rows[f"all,{arm},strength={s:g}"][f"has_attribute_{over}_low"] for s in strengths)
        return [low for low in found if low is not None]

    changes = [
        row["shared_words_change"] for name, row in rows.items() if name.startswith("direction=")
    ]
    return {
        "words_before_the_style_are_unchanged": float(max(c or 0.0 for c in changes) < 1e-4),
        "a_vector_over_the_words_brings_the_attribute": float(
            any(g > 0 for g in gains("words_vector"))
        ),
        "that_vector_does_more_than_a_random_one": float(
            any(g > 0 for g in gains("words_vector", "over_random"))
        ),
        "a_vector_behind_the_words_brings_the_attribute": float(
            any(g > 0 for g in gains("after_vector"))
        ),
        "a_random_vector_brings_no_attribute": float(
            not any(g > 0 for g in gains("random_vector"))
        ),
    }
