"""A study's judge made wrong: at random, or in favor of one answer; and what labels say of it.

A judge that is 90 % right turns round one answer in ten of those it could. At random these are all
of its answers. In favor of an answer they are those that help it: its own pictures' facts that
don't hold, and other pictures' facts that do.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from calibration.scorecard.find_answers import PHASE, Grid, Search

Bools = NDArray[np.bool_]
NUM_LABELLED = 200
"""Pictures that people look at, half of each of two answers'."""


class Judged(NamedTuple):
    """The facts that were judged in the pictures of a search."""

    answers: tuple[str, ...]
    held: Bools
    """One a fact."""
    answer: NDArray[np.intp]
    """Of each fact's picture, as its place in `answers`."""
    image: NDArray[np.intp]
    """Of each fact: its picture's place in the raveled `shape`."""
    shape: tuple[int, int, int]
    """Prompts, seeds, answers; with a place for pictures that a prompt lacks."""

    def grid(self, judgments: Bools) -> Grid:
        """The scores that come of these answers: shares of facts that hold."""
        num = np.prod(self.shape)
        right = np.bincount(self.image, judgments, num)
        with np.errstate(invalid="ignore"):
            scores = right / np.bincount(self.image, minlength=num)
        return Grid(self.answers, scores.reshape(self.shape))


def judged_facts(facts: pd.DataFrame, search: Search) -> Judged:
    """The facts of a search's pictures, of the prompts and seeds that all of its variants have.

    Args:
        facts: one row a fact of an image, with variant, phase, prompt_id, seed and held.
        search: which variants to compare.
    """
    rows = facts[(facts["phase"] == PHASE) & facts["variant"].isin(list(search.options))]
    present = [variant for variant in search.options if (rows["variant"] == variant).any()]
    units = rows.groupby(["prompt_id", "seed"])["variant"].nunique()
    units = units[units == len(present)].sort_index()
    seed = units.groupby(level="prompt_id").cumcount()
    prompts = units.index.get_level_values("prompt_id")
    place = pd.DataFrame(
        {"prompt": prompts.factorize(sort=True)[0], "place": seed}, index=units.index
    )
    rows = rows.join(place, on=["prompt_id", "seed"], how="inner")
    answer = rows["variant"].map({name: i for i, name in enumerate(present)}).to_numpy(np.intp)
    shape = (prompts.nunique(), int(seed.max()) + 1 if len(seed) else 0, len(present))
    where = (rows["prompt"].to_numpy(np.intp), rows["place"].to_numpy(np.intp), answer)
    image = np.ravel_multi_index(where, shape) if len(rows) else np.zeros(0, np.intp)
    names = tuple(search.options[variant] for variant in present)
    return Judged(names, rows["held"].to_numpy(np.bool_), answer, image, shape)


def turn_at_random(judged: Judged, share: float, rng: np.random.Generator) -> Bools:
    """What a judge says that errs on a share of the facts, whatever they are."""
    return judged.held ^ (rng.random(len(judged.held)) < share)


def turn_in_favor(judged: Judged, rival: str, share: float, rng: np.random.Generator) -> Bools:
    """What a judge says that errs on a share of the facts where that helps the rival."""
    helps = (judged.answer == judged.answers.index(rival)) ^ judged.held
    return judged.held ^ (helps & (rng.random(len(judged.held)) < share))


def labels_object(judged: Judged, answers: Bools, rng: np.random.Generator) -> bool:
    """Whether people's labels show that the judge is kinder to the answer that it puts first.

    Half of the labelled pictures are drawn from that answer's, half from the second one's. Among
    facts that hold, and among those that don't, a fair judge says yes equally often of both
    (Cochran 1954, Mantel and Haenszel 1959; one-sided, at 5 %).
    """
    means = np.nanmean(judged.grid(answers).scores, axis=(0, 1))
    *_, second, first = np.argsort(means, kind="stable").tolist()
    chosen = np.concatenate(
        [_draw_images(judged, answer, NUM_LABELLED // 2, rng) for answer in (first, second)]
    )
    labelled = np.isin(judged.image, chosen)
    is_first, yes, held = (
        column[labelled] for column in (judged.answer == first, answers, judged.held)
    )
    excess, variance = 0.0, 0.0
    for truth in (True, False):
        of_first, total = is_first[held == truth], int((held == truth).sum())
        if total > 1:
            said_yes, num_of_first = int(yes[held == truth].sum()), int(of_first.sum())
            excess += int((yes[held == truth] & of_first).sum()) - said_yes * num_of_first / total
            spread = said_yes * (total - said_yes) * num_of_first * (total - num_of_first)
            variance += spread / (total**2 * (total - 1))
    return variance > 0 and excess / variance**0.5 > stats.norm.ppf(0.95)


def _draw_images(
    judged: Judged, answer: int, num: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    images = np.unique(judged.image[judged.answer == answer])
    return rng.choice(images, min(num, len(images)), replace=False)
