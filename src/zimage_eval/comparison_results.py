"""Observations of compared models -> rows of results: every model, every two of them, checks."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np

from zimage_eval.comparison_observations import SHARES, STYLE_WORD
from zimage_eval.comparison_prompts import INFERRED, MISPLANNED, PLANNED, STATED
from zimage_eval.output.observations import Observation, mean_rows, named
from zimage_eval.statistics.estimates import (
    Estimate,
    estimate,
    jackknife,
    paired_differences,
    prompt_means,
)

RowNumbers = dict[str, float | None]
Scores = dict[tuple[str, int], float | None]


class Capability(NamedTuple):
    """One thing that a model may be able to do."""

    category: str
    """Of the prompts that ask for it."""
    metric: str
    less: str | None
    """Category whose score is taken off, of the same scenes; None for the score itself."""


CAPABILITIES: Final[Mapping[str, Capability]] = {
    "counting": Capability("count", "fact_count", None),
    "relations": Capability("relation", "fact_relation", None),
    "attribute_binding": Capability("composition", "fact_color", None),
    "text_rendering": Capability("letters", "fact_shape", None),
    "word_rendering": Capability("words", "all_facts", None),
    "reasoning": Capability(INFERRED, "all_facts", None),
    "reasoning_stated": Capability(STATED, "all_facts", None),
    "reasoning_loss": Capability(STATED, "all_facts", INFERRED),
    "planning_gain": Capability(PLANNED, "all_facts", INFERRED),
    "planning_content": Capability(PLANNED, "all_facts", MISPLANNED),
}
UNTESTABLE: Final = ("anatomy",)
"""What takes a judge that there is none of: no detector counts fingers."""
DIFFERENCE_BOUNDS: Final = (-1.0, 1.0)


def pair_name(one: str, other: str) -> str:
    """Row of the differences `one` minus `other`."""
    return f"{one} - {other}"


def model_rows(observations: Sequence[Observation], main: Collection[str]) -> dict[str, RowNumbers]:
    """`<model>` over the prompt set, and `<model>/<category>`.

    Args:
        observations: of all models.
        main: categories of the prompt set.
    """
    everything = [row._replace(category="") for row in observations if row.category in main]
    rows = mean_rows([*observations, *everything], (*SHARES, STYLE_WORD))
    return {name.removesuffix("/"): numbers for name, numbers in rows.items()}


def difference_rows(
    models: Sequence[str], observations: Sequence[Observation], main: Collection[str]
) -> dict[str, RowNumbers]:
    """`<one> - <other>` of every two models over the prompt set, and by category.

    Seeds of a prompt are averaged before prompts are paired: the models' noise has nothing in
    common, their prompts have.
    """
    rows: dict[str, RowNumbers] = {}
    for one, other in combinations(models, 2):
        for category in ("", *sorted({row.category for row in observations})):
            wanted = main if category == "" else [category]
            numbers: RowNumbers = {}
            for metric in sorted({row.metric for row in observations}):
                scores = [_scores(observations, model, wanted, metric) for model in (one, other)]
                found = difference(scores[0], scores[1], is_share=metric in (*SHARES, STYLE_WORD))
                if found.num_prompts:
                    numbers |= named(metric, found)
                    most = max(found.num_prompts, int(numbers.get("num_units") or 0))
                    numbers["num_units"] = most
            if numbers:
                rows[f"{pair_name(one, other)}/{category}".removesuffix("/")] = numbers
    return rows


def difference(one: Scores, other: Scores, *, is_share: bool) -> Estimate:
    """Mean over prompts of the difference of two models' (or categories') prompt means."""
    means = [{(name, 0): mean for name, mean in prompt_means(s).items()} for s in (one, other)]
    values = paired_differences(means[0], means[1])
    return estimate(list(values.values()), DIFFERENCE_BOUNDS if is_share else None)


def capability_row(observations: Sequence[Observation], model: str) -> RowNumbers:
    """Every capability of a model with its interval; null where nothing asked for it."""
    row: RowNumbers = dict.fromkeys(UNTESTABLE)
    for name, each in CAPABILITIES.items():
        scores = _scores(observations, model, [each.category], each.metric)
        if each.less is None:
            found = estimate(list(prompt_means(scores).values()), (0.0, 1.0))
        else:
            less = _scores(observations, model, [each.less], each.metric)
            found = difference(scores, less, is_share=True)
        row |= named(name, found)
    return row


def capability_difference(
    observations: Sequence[Observation], model: str, other: str
) -> RowNumbers:
    """How much better `model` is than `other` at what it is asked for, paired by prompt.

    What is a contrast within a model (planning, reasoning's loss) is not set off once more.
    """
    row: RowNumbers = {}
    for name, each in CAPABILITIES.items():
        if each.less is None:
            scores = [
                _scores(observations, m, [each.category], each.metric) for m in (model, other)
            ]
            row |= named(name, difference(scores[0], scores[1], is_share=True))
    return row


def style_coverage(observations: Sequence[Observation], model: str) -> RowNumbers:
    """How often a style word is drawn right, all words alike, and how many mostly are.

    The interval is over prompts; what words could have been asked for besides is not in it.
    """
    rows = [
        row
        for row in observations
        if row.variant == model and row.metric == STYLE_WORD and row.value is not None
    ]

    def mean_over_words(kept: Collection[str]) -> float | None:
        means = _word_means([row for row in rows if row.unit in set(kept)])
        return float(np.mean(list(means.values()))) if means else None

    means = _word_means(rows)
    found = jackknife({row.unit for row in rows}, mean_over_words, (0.0, 1.0))
    covered = sum(mean > 0.5 for mean in means.values())
    return {
        **named("style_coverage", found),
        "num_styles": len(means),
        "num_styles_covered": covered,
    }


def facts_slope(
    observations: Sequence[Observation], model: str, facts: Mapping[str, int]
) -> RowNumbers:
    """Change of alignment with each further fact of a prompt, by least squares over prompts.

    Args:
        observations: of all models.
        model: its name.
        facts: number of facts of each prompt of the prompt set.
    """
    scores = {
        (row.unit, row.replicate): row.value
        for row in observations
        if row.variant == model and row.metric == "alignment" and row.unit in facts
    }
    means = prompt_means(scores)

    def slope(kept: Collection[str]) -> float | None:
        numbers = np.array([facts[name] for name in kept], dtype=float)
        if len(numbers) == 0 or np.ptp(numbers) == 0:
            return None
        values = np.array([means[name] for name in kept])
        return float(np.polyfit(numbers, values, 1)[0])

    return named("alignment_per_fact", jackknife(means, slope))


def _word_means(rows: Sequence[Observation]) -> dict[str, float]:
    words: dict[str, Scores] = {}
    for row in rows:
        words.setdefault(row.category, {})[row.unit, row.replicate] = row.value
    return {word: float(np.mean(list(prompt_means(s).values()))) for word, s in words.items()}


def _scores(
    observations: Sequence[Observation], model: str, categories: Collection[str], metric: str
) -> Scores:
    return {
        (row.unit, row.replicate): row.value
        for row in observations
        if row.variant == model and row.category in categories and row.metric == metric
    }
