"""Whether the study found what was planted: `python -m calibration.scorecard`.

This alone reads the planted answers. A truth is recovered when the set of answers that may be the
best one holds it and leaves out at least half of the grid.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from calibration.find_answers import (
    Found,
    Search,
    find_best,
    load_searches,
    read_scores,
    thin,
    with_flipped_judge,
)
from calibration.truths import Truths, load_truths
from zimage_eval.statistics import rounded

NUM_DRAWS = 20
SIZES = (32, 128, 512)
"""Prompts that are drawn from those that were scored."""
WRONG = (0.05, 0.10, 0.20)
"""Shares of the judge's answers that are turned round."""
SEED = 20_261_125


class Score(NamedTuple):
    """One truth of one family."""

    planted: str
    found: tuple[str, ...]
    leader: str | None
    recovered: bool
    chance: float
    """That an answer picked at random had been recovered."""
    num_prompts: int


def planted_answers(truths: Truths) -> dict[str, str]:
    """Search -> the answer that was planted, in the search's words."""
    return {
        "hidden_layer": str(truths.hidden_layer),
        "chat_format": truths.chat_format,
        "num_inference_steps": str(truths.turbo.num_inference_steps),
        "shift": str(truths.turbo.shift),
        "refiner_blend": "1.0",
        "rope_theta": f"{truths.rope_theta:g}",
        "quality_word": truths.quality_word,
    }


def score(planted: str, found: Found, num_answers: int) -> Score:
    """Hold what was found to what was planted.

    Args:
        planted: the answer.
        found: the set that may be best.
        num_answers: of the search's grid.
    """
    is_narrow = 0 < len(found.answers) <= num_answers / 2
    chance = len(found.answers) / num_answers if is_narrow else 0.0
    recovered = is_narrow and planted in found.answers
    return Score(planted, found.answers, found.leader, recovered, chance, found.num_prompts)


def score_family(
    truths: Truths, searches: Mapping[str, Search], folder: Path
) -> dict[str, Score]:
    """Every truth that a search looks for in the scores of a folder."""
    planted = planted_answers(truths)
    return {
        name: score(
            planted[name], find_best(read_scores(folder, one.study), one), len(one.options)
        )
        for name, one in searches.items()
    }


def total(scores: Sequence[Score]) -> dict[str, float | None]:
    """How many were recovered, with the exact 95 % interval of the share and the chance rate."""
    num = sum(one.recovered for one in scores)
    interval = stats.binomtest(num, len(scores)).proportion_ci(0.95, "exact")
    return {
        "num_truths": len(scores),
        "num_recovered": num,
        "share": rounded(num / len(scores)),
        "low": rounded(interval.low),
        "high": rounded(interval.high),
        "chance": rounded(float(np.mean([one.chance for one in scores]))),
    }


def recovery_by_size(
    truths: Truths, searches: Mapping[str, Search], folder: Path
) -> dict[str, float | None]:
    """Share of the truths recovered from fewer prompts, drawn again and again."""
    rng = np.random.default_rng(SEED)
    return {
        str(size): _mean_recovery(truths, searches, folder, lambda scores, _, s=size: _draw(
            scores, s, rng))  # fmt: skip
        for size in SIZES
    }


def recovery_by_error(
    truths: Truths, searches: Mapping[str, Search], folder: Path
) -> dict[str, float | None]:
    """Share of the truths recovered with a judge that is wrong on some of its answers."""
    rng = np.random.default_rng(SEED)

    def judge(scores: pd.DataFrame, study: str, share: float) -> pd.DataFrame:
        facts = pd.read_parquet(folder / "facts" / f"{study}.parquet")
        return with_flipped_judge(scores, facts, share, rng)

    return {
        str(share): _mean_recovery(
            truths, searches, folder, lambda scores, study, s=share: judge(scores, study, s)
        )
        for share in WRONG
    }


def _mean_recovery(
    truths: Truths, searches: Mapping[str, Search], folder: Path, change: Any
) -> float | None:
    planted = planted_answers(truths)
    recovered = []
    for name, one in searches.items():
        scores = read_scores(folder, one.study)
        for _ in range(NUM_DRAWS):
            found = find_best(change(scores, one.study), one)
            recovered.append(score(planted[name], found, len(one.options)).recovered)
    return rounded(float(np.mean(recovered)))


def _draw(scores: pd.DataFrame, size: int, rng: np.random.Generator) -> pd.DataFrame:
    prompts = np.sort(scores["prompt_id"].unique())
    return thin(scores, list(rng.choice(prompts, min(size, len(prompts)), replace=False)))
