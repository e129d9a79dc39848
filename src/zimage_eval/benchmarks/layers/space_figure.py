"""The figure of the embedding space: maps of the prompts, and the accuracy of probes."""

from collections.abc import Mapping
from typing import Final

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zimage_eval.output.figures import (
    BLUE,
    CATEGORY_STYLES,
    WIDTH_INCHES,
    Floats,
    Groups,
    scatter_groups,
    style_rows,
)
from zimage_eval.output.results import NumberRow

INPUTS: Final = ("embedding", "bag_of_words", "length", "shuffled", "commonest")
"""Inputs of the probes: the embedding, then the baselines."""
HEIGHT_INCHES = 8.6


def draw_space(
    places: Mapping[str, Floats], categories: Groups, probes: Mapping[str, NumberRow]
) -> Figure:
    """Draw maps of the prompts by category, and the accuracy of probes beside their baselines.

    Args:
        places: title -> positions of the prompts, `(num_prompts, 2)`.
        categories: category of each prompt.
        probes: `probe=<label>` -> the accuracy of each input with its 95 % interval.
    """
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
        grid = figure.add_gridspec(2, 1, height_ratios=(1, 1.3))
        above, below = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
        maps = above.subplots(1, len(places), squeeze=False)[0]
        for axes, (name, points) in zip(maps, places.items(), strict=True):
            scatter_groups(axes, points[:, 0], points[:, 1], categories)
            axes.set_title(name, fontsize=11, loc="left")
            axes.set(xticks=[], yticks=[])
        handles, labels = maps[0].get_legend_handles_labels()
        above.legend(
            handles, labels, loc="outside lower center", ncols=len(labels), frameon=False,
            fontsize=10,
        )  # fmt: skip
        axes = below.add_subplot()
        _plot_probes(axes, probes)
        handles, labels = axes.get_legend_handles_labels()
        below.legend(
            handles, labels, loc="outside lower center", ncols=len(labels), frameon=False,
            fontsize=10,
        )  # fmt: skip
        return figure


def _plot_probes(axes: Axes, probes: Mapping[str, NumberRow]) -> None:
    """Draw one line per input within the row of a label, so that intervals don't overlap."""
    styles = ((BLUE, "D"), *CATEGORY_STYLES)
    labels = {key: key.replace("_", " ") for key in INPUTS}
    for index, (key, (color, marker)) in enumerate(zip(INPUTS, styles, strict=True)):
        shift = 0.16 * (index - (len(INPUTS) - 1) / 2)
        for row, cells in enumerate(probes.values()):
            numbers = [cells[f"{key}_accuracy{end}"] for end in ("", "_low", "_high")]
            value, low, high = np.array(
                numbers, dtype=float
            )  # a missing value is NaN, which is not drawn
            axes.plot([low, high], [row + shift] * 2, color=color, linewidth=1.6)
            axes.plot(
                value, row + shift, marker, color=color, markersize=6, label=labels.pop(key, None)
            )
    names = [name.split("=", 1)[1].replace("_", " ") for name in probes]
    axes.set_yticks(range(len(names)), names, fontsize=11)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("share of held-out prompts that a probe reads right (95 % intervals)")
    axes.hlines([row + 0.5 for row in range(len(names) - 1)], -0.03, 1.03, color="#e4e4e4")
    style_rows(axes)
