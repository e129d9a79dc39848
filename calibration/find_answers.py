"""What the study finds in a family that it knows nothing about, from the scores it kept.

The finding of a search is a simultaneous confidence set: every answer that may be the best one.
Nothing here reads the planted answers or a model's declared defaults.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
from pydantic import Field

from zimage_eval.argmax_sets import argmax_p_values
from zimage_eval.evidence import ALPHA
from zimage_eval.frozen import Frozen, parse, read_yaml
from zimage_eval.metrics import METRICS

PHASE = "screen"
GUIDANCE_DISTANCE = "kid_alexnet"
"""The distance that decides which guidance scale was distilled in, as in params.yaml."""


class Search(Frozen):
    """The variants that a search looks at, and what each would mean."""

    study: str
    metric: str
    options: Annotated[dict[str, str], Field(min_length=2)]
    """Variant -> the answer it stands for."""


class Found(NamedTuple):
    """The answers that may be the best one."""

    answers: tuple[str, ...]
    """In the order of the search; empty if nothing can be said."""
    leader: str | None
    """The answer with the highest mean."""
    means: Mapping[str, float]
    num_prompts: int


def load_searches(path: Path) -> dict[str, Search]:
    """Search by the name of what it looks for; a ValueError names the file and the key."""
    content = read_yaml(path)
    return {name: parse(one, Search, f"{path}: {name}") for name, one in content.items()}


def find_best(scores: pd.DataFrame, search: Search) -> Found:
    """The set of answers whose variant may have the highest mean.

    Args:
        scores: one row an image, with variant, prompt_id and the search's metric.
        search: which variants to compare.
    """
    wide = _by_prompt(scores, search)
    if wide.empty or wide.shape[1] < 2:
        return Found((), None, {}, len(wide))
    gains = {variant: wide[variant].tolist() for variant in wide.columns}
    bounds = (-1.0, 1.0) if METRICS[search.metric].is_judged else None
    p_values = argmax_p_values(gains, bounds)
    means = {search.options[variant]: float(wide[variant].mean()) for variant in wide.columns}
    leader = max(means, key=lambda answer: means[answer])
    kept = [variant for variant, p in (p_values or {}).items() if p > ALPHA]
    return Found(tuple(search.options[one] for one in kept), leader, means, len(wide))


def _by_prompt(scores: pd.DataFrame, search: Search) -> pd.DataFrame:
    """Prompt x variant, seeds averaged; prompts that every variant has."""
    rows = scores[scores["variant"].isin(list(search.options))]
    wide = rows.pivot_table(index="prompt_id", columns="variant", values=search.metric)
    return wide.reindex(columns=[v for v in search.options if v in wide.columns]).dropna()


def has_scores(folder: Path, study: str) -> bool:
    """Whether `run_study` kept scores of a study."""
    return (folder / f"{study}.parquet").is_file()


def read_scores(folder: Path, study: str) -> pd.DataFrame:
    """The screened scores of a study that `run_study` kept; a ValueError if there are none."""
    if not has_scores(folder, study):
        raise ValueError(f"{folder}: no scores of {study}; calibration.run_study makes them")
    table = pd.read_parquet(folder / f"{study}.parquet")
    return table[table["phase"] == PHASE]


def find_flags(folder: Path) -> dict[str, tuple[str, ...]]:
    """What the probe of concepts flags, by kind: `missing`, and `skewed` by attribute.

    Empty without a probe of the family.
    """
    path = folder / "probe_concepts.json"
    if not path.is_file():
        return {}
    rows = json.loads(path.read_text(encoding="utf-8"))["probe_concepts"]
    flags = {"missing": tuple(row[8:] for row in rows if row.startswith("missing "))}
    for row, numbers in rows.items():
        if row.startswith("default "):
            attribute, _, value = row[8:].partition(" ")
            flags[f"skewed {attribute}"] = (value,) if numbers["is_skewed"] else ()
    return flags


def count_probed(folder: Path) -> int:
    """Pictures that the probe of concepts has seen."""
    rows = json.loads((folder / "probe_concepts.json").read_text(encoding="utf-8"))
    return int(rows["probe_concepts"]["grid"]["num_images"])


def find_guidance(folder: Path) -> tuple[Found, int] | None:
    """The guidance scales that may have been distilled in, and how many were tried.

    None without pictures of the family's base at several scales.
    """
    path = folder / "baked_guidance.json"
    if not path.is_file():
        return None
    rows = json.loads(path.read_text(encoding="utf-8"))["baked_guidance"]
    p_values = {
        str(float(row[2:])): numbers[f"{GUIDANCE_DISTANCE}_p"]
        for row, numbers in rows.items()
        if row.startswith("w=")
    }
    kept = tuple(scale for scale, p in p_values.items() if p > ALPHA)
    return Found(kept, None, {}, 0), len(p_values)


def thin(scores: pd.DataFrame, prompts: Iterable[str]) -> pd.DataFrame:
    """The rows of some of the prompts."""
    return scores[scores["prompt_id"].isin(list(prompts))]


def with_flipped_judge(
    scores: pd.DataFrame, facts: pd.DataFrame, share: float, rng: np.random.Generator
) -> pd.DataFrame:
    """The scores that a judge would have given who is wrong on a share of the facts, at random.

    Args:
        scores: one row an image.
        facts: one row a fact of an image: variant, prompt_id, seed, held.
        share: of the answers that are turned round.
        rng: decides which.
    """
    held = facts["held"].to_numpy() ^ (rng.random(len(facts)) < share)
    key = ["variant", "prompt_id", "seed"]
    alignment = facts.assign(alignment=held.astype(float)).groupby(key)["alignment"].mean()
    return scores.drop(columns="alignment").join(alignment, on=key)
