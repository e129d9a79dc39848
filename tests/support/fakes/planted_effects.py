"""Arms with a known loss, made of the bank's real scores.

An arm's mean falls by a chosen loss because a share of its scores is that of other prompts'
pictures: half of them for a whole prompt, half for a single picture, as real losses come.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.statistics.estimates import Floats

BANK = "calibration/bank.parquet"


class PlantedScores(NamedTuple):
    """Alignment of pictures without any effect, and of the same judged by other prompts."""

    clean: Floats
    """`(num_prompts, num_seeds)`."""
    ruined: Floats
    """The same shape."""
    categories: np.ndarray
    """Of each prompt."""


def read_planted_scores() -> PlantedScores:
    bank = pd.read_parquet(BANK)
    bank["copy"] = bank.groupby(["variant", "prompt_id"]).cumcount()
    arms = {
        variant: rows.pivot(index="prompt_id", columns="copy", values="alignment")
        for variant, rows in bank.groupby("variant")
    }
    ruined = arms.pop(SWAPPED_PROMPTS)
    [clean] = arms.values()
    categories = bank.drop_duplicates("prompt_id").set_index("prompt_id").category
    return PlantedScores(
        clean.to_numpy(), ruined.to_numpy(), categories.loc[clean.index].to_numpy()
    )


def draw_prompts(scores: PlantedScores, num_prompts: int, generator: np.random.Generator) -> Floats:
    """Rows of prompts, equally many of each kind, with replacement; sorted by kind."""
    kinds = np.unique(scores.categories)
    return np.concatenate(
        [
            generator.choice(np.flatnonzero(scores.categories == kind), num_prompts // len(kinds))
            for kind in kinds
        ]
    )


def draw_arm(
    scores: PlantedScores,
    prompts: Floats,
    num_seeds: int,
    losses: Mapping[str, float] | float,
    generator: np.random.Generator,
) -> Floats:
    """A mean over seeds for each prompt, of an arm with that true loss, by kind or overall."""
    columns = np.argsort(generator.random((len(prompts), scores.clean.shape[1])), axis=1)
    clean = np.take_along_axis(scores.clean[prompts], columns[:, :num_seeds], axis=1)
    ruined = np.take_along_axis(scores.ruined[prompts], columns[:, :num_seeds], axis=1)
    share = np.zeros((len(prompts), 1))
    for kind in np.unique(scores.categories):
        loss = losses if isinstance(losses, float) else losses[kind]
        members = scores.categories == kind
        reach = scores.clean[members].mean() - scores.ruined[members].mean()
        share[scores.categories[prompts] == kind] = loss / reach
    is_prompt_ruined = generator.random(share.shape) < share / 2
    is_ruined = generator.random(clean.shape) < share / 2 / (1 - share / 2)
    return np.where(is_prompt_ruined | is_ruined, ruined, clean).mean(axis=1)
