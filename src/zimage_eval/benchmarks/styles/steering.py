"""What directions of style do to held-out prompts, beside a random one and the words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from zimage_eval.benchmarks.shared.drawn_prompts import (
    DrawingRequest,
    JudgedDrawing,
    Painter,
    draw_and_judge,
)
from zimage_eval.benchmarks.styles.directions import Directions, steer
from zimage_eval.benchmarks.styles.pairs import StyledPair
from zimage_eval.config.benchmarks import Attribute, StyleVectors
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.sets import prompt_seeds
from zimage_eval.statistics.estimates import estimate
from zimage_eval.text.embeddings import TextEmbeddings

ARMS = ("words_vector", "after_vector", "random_vector")


class Steered(NamedTuple):
    """A picture to be drawn, and where it belongs."""

    attribute: str
    variant: str
    prompt_id: str
    drawing: DrawingRequest


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
                Steered(name, variant, pair.prompt_id, DrawingRequest(vectors, seed, facts))
                for variant, vectors in embeds.items()
            ]
    return drawings


def measure_steering(
    steered: Sequence[Steered], attributes: Mapping[str, Attribute], artist: Painter
) -> list[Measurement]:
    """Of each picture: whether it has the attribute, the share of its other facts, and both."""
    drawn = draw_and_judge([each.drawing for each in steered], artist)
    found = []
    for each, picture in zip(steered, drawn, strict=True):
        scores = _scores(picture, attributes[each.attribute])
        found += [
            Measurement(each.variant, each.prompt_id, 0, each.attribute, metric, value)
            for metric, value in scores.items()
        ]
    return found


def _scores(drawn: JudgedDrawing, attribute: Attribute) -> dict[str, float | None]:
    held = drawn.held or {}
    own = [value for name, value in held.items() if name.split()[0] == attribute.kind]
    others = [value for name, value in held.items() if name.split()[0] != attribute.kind]
    return {
        "has_attribute": float(all(own)) if own else None,
        "other_facts": sum(others) / len(others) if others else None,
        "has_attribute_and_all_facts": float(all(held.values())) if own and others else None,
    }


def steering_rows(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
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
    rows: dict[str, dict[str, float | None]] = {}
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


def steering_checks(
    rows: Mapping[str, dict[str, float | None]], strengths: Sequence[float]
) -> dict[str, float | None]:
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
