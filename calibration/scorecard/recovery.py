"""How often planted answers are recovered from fewer pictures, and with a judge who errs.

Prompts, seeds and errors are drawn again and again from the scores that were kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from calibration.scorecard.find_answers import Found, Grid, Search, find_best, grid_of, read_scores
from calibration.scorecard.find_concepts import Held, find_missing
from calibration.scorecard.wrong_judges import (
    Judged,
    judged_facts,
    labels_object,
    turn_at_random,
    turn_in_favor,
)
from zimage_eval.statistics.estimates import rounded

NUM_DRAWS = 100
NUM_CONCEPT_DRAWS = 20
"""Of the probe's pictures; each fits some hundred models."""
NUM_QUICK = 1_999
"""Draws behind a p-value that is computed hundreds of times."""
WRONG = (0.05, 0.10, 0.20)
"""Shares of the answers that a judge turns round."""
SEED = 20_261_125
Shares = dict[str, float | None]


class Size(NamedTuple):
    """How much is drawn."""

    num_prompts: int
    num_seeds: int

    def __str__(self) -> str:
        return f"{self.num_prompts}x{self.num_seeds}"


class PlantedSearch(NamedTuple):
    """A search in the scores of a family, with what was planted."""

    search: Search
    answer: str
    """That was planted."""
    folder: Path

    @property
    def num_answers(self) -> int:
        """Of the search's grid."""
        return len(self.search.options)

    @property
    def rival(self) -> str:
        """The answer that a biased judge favors: the next one in the grid, or the first.

        So it is settled before anything is drawn.
        """
        answers = list(self.search.options.values())
        return answers[(answers.index(self.answer) + 1) % len(answers)]


def is_narrow(finding: Found, num_answers: int) -> bool:
    """Whether a finding leaves out at least half of the grid."""
    return 0 < len(finding.answers) <= num_answers / 2


def is_recovered(finding: Found, planted: str, num_answers: int) -> bool:
    """Whether a finding holds what was planted and leaves out at least half of the grid."""
    return is_narrow(finding, num_answers) and planted in finding.answers


def by_size(searches: Mapping[str, PlantedSearch], sizes: Iterable[Size]) -> dict[str, Shares]:
    """Size -> search -> share of the draws in which it is recovered; None where less was scored."""
    rng = np.random.default_rng(SEED)
    grids = {
        name: grid_of(read_scores(planted.folder, planted.search.study), planted.search)
        for name, planted in searches.items()
    }
    return {
        str(size): {
            name: _at_size(planted, grids[name], size, rng) for name, planted in searches.items()
        }
        for size in sizes
    }


def _at_size(
    planted: PlantedSearch, grid: Grid, size: Size, rng: np.random.Generator
) -> float | None:
    num_prompts, num_seeds, _ = grid.scores.shape
    if num_prompts < size.num_prompts or num_seeds < size.num_seeds:
        return None
    hits = []
    for _ in range(NUM_DRAWS):
        prompts = rng.choice(num_prompts, size.num_prompts, replace=False)
        seeds = rng.choice(num_seeds, size.num_seeds, replace=False)
        drawn = grid._replace(scores=grid.scores[np.ix_(prompts, seeds)])
        finding = find_best(drawn, planted.search, NUM_QUICK)
        hits.append(is_recovered(finding, planted.answer, planted.num_answers))
    return rounded(float(np.mean(hits)))


def by_pictures(
    held: Held, holes: Sequence[str], sizes: Iterable[int], level: float
) -> dict[str, Shares]:
    """Pictures a pair -> missing pair -> share of the draws in which it is flagged.

    Args:
        held: whether each picture of a pair shows it.
        holes: the pairs that were planted, color and name.
        sizes: pictures of each pair, beside all; those beyond what was drawn are left out.
        level: of the flags.
    """
    rng = np.random.default_rng(SEED)
    fewest = min((len(pictures) for pictures in held.values()), default=0)
    shares: dict[str, Shares] = {}
    for size in sorted({*(size for size in sizes if size < fewest), fewest} - {0}):
        flagged = []
        for _ in range(NUM_CONCEPT_DRAWS if size < fewest else 1):
            drawn = {
                c: rng.choice(pictures, size, replace=False).tolist()
                for c, pictures in held.items()
            }
            flagged.append(find_missing(drawn, level))
        shares[str(size)] = {
            hole: rounded(float(np.mean([hole in pictures for pictures in flagged])))
            for hole in holes
        }
    return shares


def by_judge(searches: Mapping[str, PlantedSearch]) -> dict[str, dict[str, dict[str, Shares]]]:
    """How a judge errs -> share of answers turned round -> search -> what comes out, as shares.

    `recovered`: the planted answer is. `crowned`: a finding without it. `crowned_unnoticed`: and
    200 labelled pictures don't show that the judge is kinder to its first answer. `objected`: they
    do, whatever is found. Searches that no judge decides are left out.
    """
    rng = np.random.default_rng(SEED)
    kinds: dict[str, Callable[[Judged, PlantedSearch, float], np.ndarray]] = {
        "at_random": lambda judged, _, share: turn_at_random(judged, share, rng),
        "in_favor": lambda judged, planted, share: turn_in_favor(judged, planted.rival, share, rng),
    }
    judged = {
        name: judged_facts(
            pd.read_parquet(planted.folder / "facts" / f"{planted.search.study}.parquet"),
            planted.search,
        )
        for name, planted in searches.items()
        if planted.search.is_judged
    }
    return {
        kind: {
            str(share): {
                name: _outcomes(
                    searches[name], facts, partial(turn, facts, searches[name], share), rng
                )
                for name, facts in judged.items()
            }
            for share in WRONG
        }
        for kind, turn in kinds.items()
    }


def _outcomes(
    planted: PlantedSearch, judged: Judged, turn: Callable[[], np.ndarray], rng: np.random.Generator
) -> Shares:
    outcomes = []
    for _ in range(NUM_DRAWS):
        answers = turn()
        finding = find_best(judged.grid(answers), planted.search, NUM_QUICK)
        objected = labels_object(judged, answers, rng)
        recovered = is_recovered(finding, planted.answer, planted.num_answers)
        is_crowned = is_narrow(finding, planted.num_answers) and not recovered
        outcomes.append((recovered, is_crowned, is_crowned and not objected, objected))
    names = ("recovered", "crowned", "crowned_unnoticed", "objected")
    return dict(zip(names, map(rounded, np.mean(outcomes, axis=0).tolist()), strict=True))
