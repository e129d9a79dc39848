"""TODO."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from zimage_eval.figures import BLUE, CATEGORY_STYLES, FRAME, INK

Floats = np.ndarray
Groups = Sequence[str]


def scatter_groups(axes: Axes, x: Floats, y: Floats, groups: Groups) -> None:
    """Points in a color and a marker a group; equal points darken."""
    for index, group in enumerate(sorted(set(groups))):
        color, marker = CATEGORY_STYLES[index % len(CATEGORY_STYLES)]
        rows = np.array([each == group for each in groups])
        axes.scatter(
            x[rows],
            y[rows],
            s=22,
            color=color,
            marker=marker,
            alpha=0.55,
            linewidths=0,
            label=group,
        )
    axes.spines[["top", "right"]].set_visible(False)


Interval = tuple[float | None, float | None, float | None]


def draw_intervals(
    axes: Axes, rows: Mapping[str, Interval], label: str, marked: Sequence[str] = ()
) -> None:
    """A dot with its interval a row, the first on top; marked rows in another color."""
    for y, (name, (value, low, high)) in enumerate(rows.items()):
        color = FRAME if name in marked else BLUE
        if low is not None and high is not None:
            axes.plot([low, high], [y, y], color=color, linewidth=2)
        if value is not None:
            axes.plot(value, y, "o", color=color, markersize=6)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=9, color=INK)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(label)
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
