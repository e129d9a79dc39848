"""What must come to nothing: shuffled answers, words that mean nothing, pairs that were shown."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from calibration.data.truths import Truths
from calibration.scorecard.find_answers import PHASE, Search, find_best, grid_of, read_scores
from calibration.scorecard.find_concepts import find_skews
from calibration.scorecard.recovery import NUM_QUICK, SEED, is_narrow
from zimage_eval.config.metrics import METRICS
from zimage_eval.prompts.scenes.world import COLORS, NAMES
from zimage_eval.questions.contrasts import (
    OPEN,
    SENSITIVE,
    Margin,
    find,
    margin_of_gains,
    paired_contrast,
)
from zimage_eval.statistics.estimates import rounded

NUM_SHUFFLES = 400
MIN_COVERAGE = 0.9
QUIET = ("no_difference", "less", "worse_less", "no_gain", "no_loss", OPEN)
"""Words that say of no effect that it matters."""
NO_WORD = "none"


def found_in_shuffled(searches: Mapping[str, Search], folder: Path) -> dict[str, dict[str, Any]]:
    """How often a search leaves out half of its grid though no answer is better than another.

    Within each prompt and seed the scores are dealt to the answers anew. One in 20 is promised.
    """
    rng = np.random.default_rng(SEED)
    shares = {}
    for name, search in searches.items():
        grid = grid_of(read_scores(folder, search.study), search)
        num = 0
        for _ in range(NUM_SHUFFLES):
            dealt = grid._replace(scores=rng.permuted(grid.scores, axis=2))
            num += is_narrow(find_best(dealt, search, NUM_QUICK), len(search.options))
        shares[name] = share_of(num, NUM_SHUFFLES)
    return shares


def share_of(num: int, total: int) -> dict[str, Any]:
    """A share with its exact 95 % interval (Clopper and Pearson 1934)."""
    interval = stats.binomtest(num, total).proportion_ci(0.95, "exact")
    low, high = rounded(interval.low), rounded(interval.high)
    return {"num": num, "num_draws": total, "share": rounded(num / total), "low": low, "high": high}


def neutral_words(truths: Truths, search: Search, folder: Path) -> dict[str, dict[str, Any]]:
    """What words that were said of any picture do to the quality metric: "<word> over <word>".

    Against each other they can do nothing. Against no word they do a little: the quality word took
    clean pictures from those without a word, so that these were blurred more often in training.

    Args:
        truths: of the family.
        search: for the quality word, among whose answers the neutral ones are.
        folder: of the family's scores.
    """
    scores = read_scores(folder, search.study)
    variants = {answer: variant for variant, answer in search.options.items()}
    words = [word for word in truths.neutral_words if word in variants]
    pairs = [*combinations(words, 2), *((word, NO_WORD) for word in words)]
    return {
        f"{word} over {reference}": _against(scores, variants[word], variants[reference], search)
        for word, reference in pairs
    }


def _against(scores: pd.DataFrame, variant: str, reference: str, search: Search) -> dict[str, Any]:
    """Of a metric that is compared by ratios, difference and ends are logarithms."""
    margin = METRICS[search.metric].margin
    assert margin is not None, search.metric
    rows = scores[scores["variant"].isin([variant, reference])].to_dict("records")
    contrast = paired_contrast(rows, variant, reference, search.metric, PHASE)
    in_gains = margin_of_gains(search.metric, margin)
    finding = find(contrast._replace(better=None), Margin(in_gains, MIN_COVERAGE), SENSITIVE)
    return {
        "metric": search.metric,
        "margin": rounded(in_gains),
        "kind": finding.word,
        "difference": rounded(finding.gain),
        "low": rounded(finding.low),
        "high": rounded(finding.high),
        "num_prompts": finding.num_prompts,
        "is_quiet": finding.word in QUIET,
    }


def false_flags(truths: Truths, missing: Sequence[str]) -> dict[str, int]:
    """Pairs that are flagged as missing though training showed them; none is right.

    Args:
        truths: of the family. Neighbors are pairs that share a missing one's name or color.
        missing: the pairs that are flagged.
    """
    holes = [(hole.color, hole.name) for hole in truths.holes]
    shown = {(color, name) for color in COLORS for name in NAMES} - set(holes)
    wrong = {pair for pair in shown if " ".join(pair) in missing}
    beside = {pair for pair in shown if _is_beside(pair, holes)}
    return {
        "num_pairs": len(shown),
        "num_flagged": len(wrong),
        "num_neighbors": len(beside),
        "num_neighbors_flagged": len(wrong & beside),
    }


def even_size(folder: Path) -> dict[str, Any]:
    """The commonest size where none is said: training drew small and large ones evenly.

    Empty without a probe that looked for it.
    """
    finding = find_skews(folder).get("size")
    if finding is None or finding.estimate.mean is None:
        return {}
    share = finding.estimate
    numbers = {"share": share.mean, "low": share.low, "high": share.high}
    return {"measured": finding.measured, "is_flagged": bool(finding.answers), **numbers}


def _is_beside(pair: tuple[str, str], holes: Sequence[tuple[str, str]]) -> bool:
    return any(pair[0] == color or pair[1] == name for color, name in holes)
