"""The grid of concepts in a study's pictures: results, table and heat map."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from zimage_eval.benchmarks.concepts.defaults import Default
from zimage_eval.benchmarks.concepts.gaps import ConceptPair, Gap
from zimage_eval.output.figures import FRAME, INK, WIDTH_INCHES
from zimage_eval.output.results import NumberRow, write_csv
from zimage_eval.prompts.facts import Facts

PromptFacts = Mapping[tuple[str, str], Facts]
"""Facts of each prompt, by phase and prompt id."""


_LEAST_CHANCE: Final = 1e-12
"""P-values below this are rounding errors, which differ by machine; they are written as this."""


def grid_cells(facts: PromptFacts) -> list[ConceptPair]:
    """Name and color of each prompt that states both, in the order of the prompts."""
    objects = [prompt_facts.objects[0] for prompt_facts in facts.values()]
    return list(
        dict.fromkeys((fact.name, fact.color) for fact in objects if fact.color is not None)
    )


def outcomes_by_cell(judged: pd.DataFrame, facts: PromptFacts) -> dict[ConceptPair, list[bool]]:
    """For each cell, whether each judged picture of it shows its name in its color.

    Args:
        judged: the FACTS table of a study with one variant.
        facts: of the study's prompts, which have one object each.
    """
    both = judged[judged["fact"].isin(["shape 0", "color 0"])]
    images = both.groupby(["phase", "prompt_id", "seed"])["held"].all()
    held: dict[ConceptPair, list[bool]] = {cell: [] for cell in grid_cells(facts)}
    for (phase, prompt_id, _), is_held in images.items():
        fact = facts[phase, prompt_id].objects[0]
        if fact.color is not None:
            held[fact.name, fact.color].append(bool(is_held))
    return held


def _lowest(p_values: Iterable[float | None]) -> float | None:
    """The p-value of "nothing is missing": the lowest of p-values that are adjusted already."""
    tested = [p_value for p_value in p_values if p_value is not None]
    return _written(min(tested)) if tested else None


def probe_results(
    gaps: Sequence[Gap], defaults: Sequence[Default], level: float
) -> dict[str, NumberRow]:
    """The rows of the results.

    They are `grid`, `missing <color> <name>` for each flagged cell, and
    `default <attribute> <value>` for each attribute.
    """
    missing = flagged_gaps(gaps, level)
    rows: dict[str, NumberRow] = {
        "grid": {
            "num_cells": len(gaps),
            "num_images": sum(gap.num_images for gap in gaps),
            "num_missing": len(missing) if any(gap.num_images for gap in gaps) else None,
            "p_value": _lowest(gap.p_value for gap in gaps),
        }
    }
    for gap in missing:
        rows[f"missing {gap.cell[1]} {gap.cell[0]}"] = {
            "share": gap.share,
            "expected_share": gap.expected,
            "p_value": _written(gap.p_value),
        }
    for default in defaults:
        is_skewed = None if default.p_value is None else float(default.p_value < level)
        rows[f"default {' '.join(filter(None, (default.attribute, default.value)))}"] = {
            "share": default.share,
            "share_low": default.low,
            "share_high": default.high,
            "even_share": default.even_share,
            "num_images": default.num_images,
            "p_value": _written(default.p_value),
            "is_skewed": is_skewed,
        }
    return rows


def _written(chance: float | None) -> float | None:
    return None if chance is None else max(chance, _LEAST_CHANCE)


def flagged_gaps(gaps: Iterable[Gap], level: float) -> list[Gap]:
    """The cells that are missing, at a family-wise error rate of `level`."""
    return [gap for gap in gaps if gap.p_value is not None and gap.p_value < level]


def write_gaps(path: Path, gaps: Iterable[Gap], level: float) -> None:
    """Write all cells as CSV, in the order given; an unknown value is empty."""
    columns = ("name", "attribute", "num_images", "share", "expected_share", "p_value")
    rows = []
    for gap in gaps:
        is_missing = None if gap.p_value is None else int(gap.p_value < level)
        rows.append((*gap.cell, gap.num_images, gap.share, gap.expected, gap.p_value, is_missing))
    write_csv(path, (*columns, "is_missing"), rows)


def draw_concept_grid(gaps: Sequence[Gap], level: float) -> Figure:
    """Draw a field per name and attribute with its share of pictures; missing cells are framed."""
    names = list(dict.fromkeys(gap.cell[0] for gap in gaps))
    attributes = list(dict.fromkeys(gap.cell[1] for gap in gaps))
    shares = np.full((len(names), len(attributes)), np.nan)
    for gap in gaps:
        place = names.index(gap.cell[0]), attributes.index(gap.cell[1])
        shares[place] = np.nan if gap.share is None else gap.share
    with matplotlib.style.context("default"):
        size = (WIDTH_INCHES, 1.4 + 0.4 * len(names))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1, aspect="auto")
        for gap in gaps:
            x, y = attributes.index(gap.cell[1]), names.index(gap.cell[0])
            words = "-" if gap.share is None else f"{gap.share:.2f}"
            ink = "white" if gap.share is not None and gap.share < 0.5 else INK
            axes.text(x, y, words, ha="center", va="center", fontsize=9, color=ink)
        for gap in flagged_gaps(gaps, level):
            corner = attributes.index(gap.cell[1]) - 0.5, names.index(gap.cell[0]) - 0.5
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=FRAME, linewidth=3))
        axes.set_xticks(range(len(attributes)), attributes, fontsize=10)
        axes.set_yticks(range(len(names)), names, fontsize=10)
        axes.set_facecolor("#f0f0f0")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel(
            "framed: fewer than its name and its color make expect (Holm over all fields)",
            fontsize=9,
        )
        figure.colorbar(image, ax=axes, label="share of pictures that show it", pad=0.02)
        return figure
