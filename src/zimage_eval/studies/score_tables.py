"""Score tables as pandas has them: the images of a variant, and their means over seeds by prompt.

A score that is missing is NaN. Means are numpy's over the seeds in their order, as those of
`prompt_means` are: pandas adds up in another order, and the last digits would differ.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from zimage_eval.config.params import Phase
from zimage_eval.statistics.estimates import Floats

UNIT = ["prompt_id", "seed"]
"""The columns that pair an image with the baseline's."""


def variant_scores(scores: pd.DataFrame, phase: Phase) -> dict[str, pd.DataFrame]:
    """Variant -> its rows of a phase, sorted by prompt and seed, which are the index.

    Variants are in the order in which they first occur.

    Args:
        scores: a score table.
        phase: whose rows are wanted.
    """
    rows = scores[scores["phase"] == phase].set_index(UNIT)
    variants = rows.groupby("variant", sort=False)
    return {str(variant): images.sort_index() for variant, images in variants}


def means_by_prompt(rows: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Prompt id -> mean of each metric over the prompt's seeds.

    A missing score is left out, not counted as 0; a prompt without any score has NaN.

    Args:
        rows: of one variant, with the index of `variant_scores`.
        metrics: columns to average.
    """
    values = rows[list(metrics)].to_numpy(dtype=np.float64)
    places = rows.groupby(level="prompt_id").indices
    means = [_means(values[place].T) for place in places.values()]
    return pd.DataFrame(means, index=list(places), columns=list(metrics), dtype=np.float64)


def numbers_of(values: Floats) -> list[float]:
    """The numbers that are there, without NaN."""
    numbers: list[float] = values[~np.isnan(values)].tolist()
    return numbers


def _means(seeds: Floats) -> Floats:
    """`(num_metrics,)`: means of `(num_metrics, num_seeds)` over the seeds that have a number."""
    is_missing = np.isnan(seeds)
    means = np.ascontiguousarray(seeds).mean(axis=1)  # contiguous: added up as a list would be
    for metric in np.flatnonzero(is_missing.any(axis=1) & ~is_missing.all(axis=1)):
        means[metric] = np.mean(seeds[metric][~is_missing[metric]])
    return means
