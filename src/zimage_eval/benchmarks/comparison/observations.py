"""Score tables of compared models -> one observation a prompt, seed and metric."""

from collections.abc import Mapping
from typing import Final

import pandas as pd

from zimage_eval.benchmarks.comparison.prompts import REASONING_ARMS, AskedPrompt
from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.output.observations import Measurement
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.prompts.facts import Facts

SHARES: Final = ("alignment", "all_facts", *(f"fact_{kind}" for kind in FACT_KINDS))
"""Shares of a prompt's facts."""
ALWAYS_ASKED: Final = SHARES[:2]
"""Those that every prompt has: a picture that failed lacks them. Swapped prompts have no others."""
COMPARED: Final = (*SHARES, "clip_score", "seed_diversity", "num_forwards")
"""The metrics of single pictures that models are compared by."""
STYLE_WORD: Final = "style_word"
"""Metric of the categories `word <w>`: whether a picture shows a style word that was asked for."""
STYLE_KINDS: Final = ("style", "fill", "background")
FACT_BINS: Final[Mapping[str, range]] = {
    "up to 4 facts": range(1, 5),
    "5 or 6 facts": range(5, 7),
    "7 facts and more": range(7, 1000),
}


def swapped_name(model: str) -> str:
    """Variant of a model's pictures as other prompts judge them."""
    return f"{model}, {SWAPPED_PROMPTS}"


def observe_scores(
    model: str, scores: pd.DataFrame, prompts: Mapping[str, AskedPrompt]
) -> list[Measurement]:
    """What the score table says, by the prompts' categories and by their number of facts.

    A picture that failed has no value; what a prompt does not ask for is no observation.

    Args:
        model: its name.
        scores: its score table.
        prompts: by id.
    """
    measurements = []
    is_swapped = scores["variant"] == SWAPPED_PROMPTS
    for metric in (name for name in COMPARED if name in scores):
        is_measured = scores[metric].notna()
        if metric in ALWAYS_ASKED:
            is_measured |= scores["error"].notna()
        else:
            is_measured &= ~is_swapped
        rows = scores[is_measured]
        for variant, prompt_id, seed, value in zip(
            rows["variant"], rows["prompt_id"], rows["seed"], rows[metric], strict=True
        ):
            prompt = prompts[prompt_id]
            measurement = Measurement(
                variant=model,
                unit=prompt.scene,
                replicate=int(seed),
                category=prompt.category,
                metric=metric,
                value=None if pd.isna(value) else float(value),
            )
            if variant != SWAPPED_PROMPTS:
                measurements.append(measurement)
                if metric == "alignment" and not prompt.is_capability:
                    measurements.append(measurement._replace(category=fact_bin(prompt.facts)))
            elif not prompt.is_capability:  # one assay is enough
                measurements.append(measurement._replace(variant=swapped_name(model)))
    return measurements


def observe_styles(
    model: str, facts: pd.DataFrame, prompts: Mapping[str, AskedPrompt]
) -> list[Measurement]:
    """Whether each style word that a prompt says is seen: of medium, fill and background.

    Prompts that only hint at what they ask for are left out.

    Args:
        model: its name.
        facts: its table of judged facts.
        prompts: by id.
    """
    facts_asked = [prompts[prompt_id] for prompt_id in facts["prompt_id"]]
    words = [
        None if prompt.category in REASONING_ARMS else _style_word(fact, prompt.facts)
        for prompt, fact in zip(facts_asked, facts["fact"], strict=True)
    ]
    rows = facts.assign(scene=[prompt.scene for prompt in facts_asked], word=words)
    pictures = rows.dropna(subset="word").groupby(["scene", "seed", "word"], sort=False)["held"]
    return [
        Measurement(
            variant=model,
            unit=scene,
            replicate=int(seed),
            category=f"word {word}",
            metric=STYLE_WORD,
            value=int(held.sum()) / len(held),
        )
        for (scene, seed, word), held in pictures
    ]


def num_facts(facts: Facts) -> int:
    """How many facts a prompt states, as the scene checker counts them."""
    attributes = ("name", "color", "size", "fill", "position")
    stated = sum(getattr(fact, name) is not None for fact in facts.objects for name in attributes)
    whole = sum(value is not None for value in (facts.background, facts.style))
    return stated + len(facts.relations) + whole + 1  # how many there are in all is one


def fact_bin(facts: Facts) -> str:
    """The bin that the prompt's number of facts falls into."""
    return next(name for name, numbers in FACT_BINS.items() if num_facts(facts) in numbers)


def _style_word(fact: str, facts: Facts) -> str | None:
    kind, _, index = fact.partition(" ")
    if kind not in STYLE_KINDS:
        return None
    word: str | None = getattr(facts.objects[int(index)] if index else facts, kind)
    return word
