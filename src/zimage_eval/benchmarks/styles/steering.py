"""What style directions do to held-out prompts, compared with random directions and with words."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from zimage_eval.benchmarks.shared.drawn_prompts import (
    DrawingRequest,
    JudgedDrawing,
    PainterAndJudge,
    draw_and_judge,
)
from zimage_eval.benchmarks.styles.directions import Directions, steer
from zimage_eval.benchmarks.styles.pairs import StyledPair
from zimage_eval.config.benchmarks import Attribute, StyleVectors
from zimage_eval.output.observations import Measurement, measurements_of, observation_table
from zimage_eval.prompts.sets import prompt_seeds
from zimage_eval.statistics.estimates import Estimate, estimate
from zimage_eval.text.embeddings import TextEmbeddings

ARMS = ("words_vector", "after_vector", "random_vector")


class SteeredDrawing(NamedTuple):
    """A picture to draw, with its attribute, variant and prompt."""

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
) -> list[SteeredDrawing]:
    """Plan every arm at every strength on held-out prompts, and two controls.

    The controls are the plain prompt (`nothing`) and the prompt with the words of the attribute
    (`words`).
    """
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
                SteeredDrawing(name, variant, pair.prompt_id, DrawingRequest(vectors, seed, facts))
                for variant, vectors in embeds.items()
            ]
    return drawings


def measure_steering(
    steered: Sequence[SteeredDrawing], attributes: Mapping[str, Attribute], studio: PainterAndJudge
) -> list[Measurement]:
    """Draw and judge: whether a picture has the attribute, its share of other facts, and both."""
    drawn = draw_and_judge([drawing.drawing for drawing in steered], studio)
    measurements = []
    for drawing, picture in zip(steered, drawn, strict=True):
        scores = _scores(picture, attributes[drawing.attribute])
        measurements += measurements_of(
            scores, variant=drawing.variant, unit=drawing.prompt_id, category=drawing.attribute
        )
    return measurements


def _scores(drawn: JudgedDrawing, attribute: Attribute) -> dict[str, float | None]:
    held = drawn.held or {}
    attribute_facts = [value for name, value in held.items() if name.split()[0] == attribute.kind]
    other_facts = [value for name, value in held.items() if name.split()[0] != attribute.kind]
    return {
        "has_attribute": float(all(attribute_facts)) if attribute_facts else None,
        "other_facts": sum(other_facts) / len(other_facts) if other_facts else None,
        "has_attribute_and_all_facts": float(all(held.values()))
        if attribute_facts and other_facts
        else None,
    }


def steering_rows(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """`<attribute>,<variant>`: means with intervals, and the paired gain over the plain prompt.

    The variant `words_vector` also has its gain over a random vector of the same length.
    `all,<variant>` averages over the attributes of each prompt first.
    """
    table = observation_table(observations).dropna(subset="value")
    outcomes = table.groupby(["variant", "metric", "unit"], sort=False)["value"]
    pooled = outcomes.agg(lambda values: float(np.mean(values.to_numpy()))).reset_index()
    every = pd.concat([table, pooled.assign(category="all")])
    values = {
        key: rows.set_index("unit")["value"]
        for key, rows in every.groupby(["category", "variant", "metric"], sort=False)
    }
    results: dict[str, dict[str, float | None]] = {}
    for (attribute, variant, metric), by_unit in values.items():
        mean = estimate(by_unit.tolist(), (0, 1))
        row = results.setdefault(f"{attribute},{variant}", {"num_prompts": mean.num_prompts})
        random_arm = variant.replace("words_vector", "random_vector")
        if random_arm != variant:
            gain_over_random = _gain(by_unit, values[attribute, random_arm, metric])
            row |= _ends(f"{metric}_over_random", gain_over_random)
        row |= _ends(metric, mean)
        row |= _ends(f"{metric}_gain", _gain(by_unit, values[attribute, "nothing", metric]))
    return results


def _gain(values: pd.Series, base: pd.Series) -> Estimate:
    """Paired difference of shares, over the units that have both, in the order of the first."""
    return estimate((values - base.reindex(values.index)).dropna().tolist(), (-1, 1))


def _ends(name: str, result: Estimate) -> dict[str, float | None]:
    return {name: result.mean, f"{name}_low": result.low, f"{name}_high": result.high}


def steering_checks(
    rows: Mapping[str, dict[str, float | None]], strengths: Sequence[float]
) -> dict[str, float | None]:
    """The findings over all attributes as statements: 1.0 if a statement holds, else 0.0."""

    def gains(arm: str, kind: str = "gain") -> list[float]:
        lows = (
            rows[f"all,{arm},strength={strength:g}"][f"has_attribute_{kind}_low"]
            for strength in strengths
        )
        return [low for low in lows if low is not None]

    changes = [
        row["shared_words_change"] for name, row in rows.items() if name.startswith("direction=")
    ]
    return {
        "words_before_the_style_are_unchanged": float(
            max(change or 0.0 for change in changes) < 1e-4
        ),
        "a_vector_over_the_words_brings_the_attribute": float(
            any(gain > 0 for gain in gains("words_vector"))
        ),
        "that_vector_does_more_than_a_random_one": float(
            any(gain > 0 for gain in gains("words_vector", "over_random"))
        ),
        "a_vector_behind_the_words_brings_the_attribute": float(
            any(gain > 0 for gain in gains("after_vector"))
        ),
        "a_random_vector_brings_no_attribute": float(
            not any(gain > 0 for gain in gains("random_vector"))
        ),
    }
