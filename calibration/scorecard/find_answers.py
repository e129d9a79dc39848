"""What the study finds in a family that it knows nothing about, from the scores it kept.

The finding of a search is a simultaneous confidence set: every answer that may be the best one.
Nothing here reads the planted answers or a model's declared defaults.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from zimage_eval.config.frozen import Frozen, parse, read_yaml
from zimage_eval.config.metrics import METRICS
from zimage_eval.output.results import read_results
from zimage_eval.statistics.argmax_sets import NUM_DRAWS, argmax_p_values
from zimage_eval.statistics.estimates import Estimate, estimate
from zimage_eval.statistics.words import LEVEL

PHASE = "screen"
GUIDANCE_DISTANCE = "kid_alexnet"
"""The distance that decides which guidance scale was distilled in, as in params.yaml."""
NOTHING = Estimate(0, None, None, None)


class Search(Frozen):
    """The variants that a search looks at, and what each would mean."""

    study: str
    metric: str
    options: Annotated[dict[str, str], Field(min_length=2)]
    """Variant -> the answer it stands for."""

    @property
    def is_judged(self) -> bool:
        """Whether a judge's answers about facts decide."""
        return METRICS[self.metric].is_judged

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Of a difference of two scores."""
        return (-1.0, 1.0) if self.is_judged else None


class Grid(NamedTuple):
    """The scores that a search looks at."""

    answers: tuple[str, ...]
    """Those that were measured, in the order of the search."""
    scores: NDArray[np.float64]
    """`(prompts, seeds, answers)`; NaN where a prompt has fewer seeds than others."""

    @property
    def num_images(self) -> int:
        """Pictures that were scored."""
        return int(np.isfinite(self.scores).sum())

    @property
    def prompt_means(self) -> NDArray[np.float64]:
        """`(prompts, answers)`, seeds averaged."""
        return np.asarray(np.nanmean(self.scores, axis=1), dtype=np.float64)


class Found(NamedTuple):
    """The answers that may be the right one."""

    answers: tuple[str, ...]
    """In the order of the search; empty if nothing can be said."""
    num_prompts: int
    num_images: int
    measured: str = ""
    """What `estimate` is, in words."""
    estimate: Estimate = NOTHING


def load_searches(path: Path) -> dict[str, Search]:
    """Search by the name of what it looks for; a ValueError names the file and the key."""
    content = read_yaml(path)
    return {name: parse(search, Search, f"{path}: {name}") for name, search in content.items()}


def has_scores(folder: Path, study: str) -> bool:
    """Whether `run_study` kept scores of a study."""
    return (folder / f"{study}.parquet").is_file()


def read_scores(folder: Path, study: str) -> pd.DataFrame:
    """The screened scores of a study that `run_study` kept; a ValueError if there are none."""
    if not has_scores(folder, study):
        raise ValueError(f"{folder}: no scores of {study}; calibration.study.run_study makes them")
    table = pd.read_parquet(folder / f"{study}.parquet")
    return table[table["phase"] == PHASE]


def grid_of(scores: pd.DataFrame, search: Search) -> Grid:
    """The scores of a search's variants, of the prompts and seeds that all of them have.

    Args:
        scores: one row an image, with variant, prompt_id, seed and the search's metric.
        search: which variants to compare.
    """
    rows = scores[scores["variant"].isin(list(search.options))]
    wide = rows.pivot(index=["prompt_id", "seed"], columns="variant", values=search.metric)
    wide = wide.reindex(columns=[v for v in search.options if v in wide.columns]).dropna()
    wide = wide.sort_index()
    prompts, place = np.unique(wide.index.get_level_values("prompt_id"), return_inverse=True)
    seeds = wide.groupby(level="prompt_id").cumcount().to_numpy()
    num_seeds = int(seeds.max()) + 1 if len(seeds) else 0
    cells = np.full((len(prompts), num_seeds, wide.shape[1]), np.nan)
    cells[place, seeds] = wide.to_numpy(dtype=np.float64)
    return Grid(tuple(search.options[variant] for variant in wide.columns), cells)


def find_best(grid: Grid, search: Search, num_draws: int = NUM_DRAWS) -> Found:
    """The set of answers that may have the highest mean, and by how much the first one leads."""
    size = len(grid.scores), grid.num_images
    if not size[0] or len(grid.answers) < 2:
        return Found((), *size)
    means = grid.prompt_means
    gains = {answer: means[:, index].tolist() for index, answer in enumerate(grid.answers)}
    p_values = argmax_p_values(gains, search.bounds, num_draws) or {}
    kept = tuple(answer for answer, p in p_values.items() if p > level_of(len(grid.answers)))
    *_, second, first = np.argsort(means.mean(axis=0), kind="stable")
    lead = estimate((means[:, first] - means[:, second]).tolist(), search.bounds)
    words = f"{search.metric}, {grid.answers[first]} over {grid.answers[second]}"
    return Found(kept, *size, words, lead)


def level_of(num_answers: int) -> float:
    """Of the test of one answer, so that equal answers yield a finding in one of 20 searches.

    A finding leaves out half of the grid. Of two equal answers either may be left out, each at the
    level; to leave out half of a larger grid, several have to be, which is rarer than the level.
    """
    return LEVEL / 2 if num_answers == 2 else LEVEL


def find_guidance(folder: Path) -> tuple[Found, int] | None:
    """The guidance scales that may have been distilled in, and how many were tried.

    None without pictures of the family's base at several scales.
    """
    path = folder / "baked_guidance.json"
    if not path.is_file():
        return None
    rows = read_results(path)["baked_guidance"]
    scales = {str(float(row[2:])): numbers for row, numbers in rows.items() if row[:2] == "w="}
    p_values = {scale: numbers[f"{GUIDANCE_DISTANCE}_p"] for scale, numbers in scales.items()}
    kept = tuple(scale for scale, p in p_values.items() if p is not None and p > LEVEL)
    nearest = min(scales, key=lambda scale: scales[scale].get(GUIDANCE_DISTANCE) or 0.0)
    ends = [scales[nearest].get(f"{GUIDANCE_DISTANCE}{end}") for end in ("", "_low", "_high")]
    return Found(kept, 0, 0, f"distance at {nearest}", Estimate(0, *ends)), len(p_values)
