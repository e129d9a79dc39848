"""Figures that many pages use: dots with intervals, heat maps, scatter plots; written as PNG.

The bytes of a PNG depend on the numbers and the matplotlib version alone: no date, no software tag.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from zimage_eval.output.observations import Measurement, observation_table, unit_means
from zimage_eval.statistics.estimates import Estimate, Floats, estimate

INK, FAINT, BLUE, FRAME = "#1a1a1a", "#767676", "#0072b2", "#d55e00"
# Okabe and Ito 2008: distinguishable with any color vision; the markers differ as well.
CATEGORY_STYLES = (("#e69f00", "o"), ("#56b4e9", "s"), ("#009e73", "^"), ("#cc79a7", "D"))
DOTS_PER_INCH = 150
WIDTH_INCHES = 9
Groups = Sequence[str]
"""Name of each point's group."""
MeanInterval = tuple[float | None, float | None, float | None]
"""Mean, low end and high end."""


class EffectRow(NamedTuple):
    """A variant in a figure."""

    label: str
    mean: float | None
    low: float | None
    high: float | None
    is_baseline: bool
    differs: bool | None
    """Whether the 95 % interval of its paired difference to the baseline excludes 0; None where
    there is no comparison with the baseline."""
    by_category: dict[str, float]
    """Mean of each category of prompts."""
    note: str
    """Written in place of the dot when there is no mean."""


class HeatCell(NamedTuple):
    """A variant of a study that varies two settings; row and column are their values."""

    row: str
    column: str
    effect: EffectRow


def plain_row(label: str, result: Estimate, note: str) -> EffectRow:
    """The row of a mean that is compared with nothing and has no categories.

    Args:
        label: of the row.
        result: mean and interval.
        note: written where there is no mean.
    """
    return EffectRow(
        label=label,
        mean=result.mean,
        low=result.low,
        high=result.high,
        is_baseline=False,
        differs=None,
        by_category={},
        note=note,
    )


def draw_dots(rows: Sequence[EffectRow], axis_label: str) -> Figure:
    """A figure with a dot and interval for each variant, a faint dot for each of its categories.

    A dashed line stands at the baseline.
    """
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES, 1.5 + 0.46 * len(rows)), layout="constrained")
        axes = figure.add_subplot()
        _plot_rows(axes, rows)
        axes.set_xlabel(axis_label, fontsize=11)
        if handles := _legend(rows):
            figure.legend(
                handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=9
            )
        return figure


def draw_variants(observations: Sequence[Measurement], metric: str, axis_label: str) -> Figure:
    """A figure of one metric's mean over units for each variant, the largest at the bottom.

    Replicates of a unit are averaged first, because only units are independent of each other.
    """
    table = observation_table(row for row in observations if row.metric == metric)
    rows = []
    for variant, values in table.groupby("variant", sort=False):
        mean = estimate(unit_means(values), None)
        rows.append(plain_row(str(variant), mean, "no number"))
    return draw_dots(sorted(rows, key=lambda row: (row.mean or 0.0, row.label)), axis_label)


def draw_heat_map(
    cells: Sequence[HeatCell], row_key: str, column_key: str, axis_label: str
) -> Figure:
    """A figure with a field for each pair of values, its mean and interval; the baseline is framed.

    Args:
        cells: at most one for each pair of values.
        row_key: name of the setting on the vertical axis.
        column_key: name of the setting on the horizontal axis.
        axis_label: of the color scale.
    """
    row_names, column_names = (
        _in_order([c.row for c in cells]),
        _in_order([c.column for c in cells]),
    )
    with matplotlib.style.context("default"):
        size = (WIDTH_INCHES, 1.6 + 0.72 * len(row_names))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        values = np.full((len(row_names), len(column_names)), np.nan)
        for cell in cells:
            place = row_names.index(cell.row), column_names.index(cell.column)
            values[place] = np.nan if cell.effect.mean is None else cell.effect.mean
        image = axes.imshow(values, cmap="cividis", aspect="auto")
        dark_below = _middle(values)
        for cell in cells:
            place = column_names.index(cell.column), row_names.index(cell.row)
            is_dark = bool(values[place[1], place[0]] < dark_below)
            _write_cell(axes, place, cell.effect, is_dark, len(column_names))
        axes.set_facecolor("#f0f0f0")
        axes.set_xticks(range(len(column_names)), column_names, fontsize=11)
        axes.set_yticks(range(len(row_names)), row_names, fontsize=11)
        axes.set_xlabel(column_key, fontsize=11)
        is_full = len(cells) == values.size
        figure.supxlabel(_heat_map_key(cells, is_full=is_full), fontsize=9, color=FAINT)
        axes.set_ylabel(row_key, fontsize=11)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        figure.colorbar(image, ax=axes, label=axis_label, pad=0.02)
        return figure


def scatter_groups(axes: Axes, x: Floats, y: Floats, groups: Groups) -> None:
    """Draw points into `axes`, each group with its own color and marker.

    Points are half transparent, so places with many points are darker.

    Args:
        axes: where to draw.
        x: `(num_points,)`.
        y: `(num_points,)`.
        groups: name of each point's group.
    """
    for index, group in enumerate(sorted(set(groups))):
        color, marker = CATEGORY_STYLES[index % len(CATEGORY_STYLES)]
        rows = np.array([name == group for name in groups])
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


def draw_intervals(
    axes: Axes, rows: Mapping[str, MeanInterval], label: str, marked: Sequence[str] = ()
) -> None:
    """Draw a dot with its interval for each row into `axes`, the first row on top.

    Args:
        axes: where to draw.
        rows: name -> mean and interval.
        label: of the horizontal axis.
        marked: names of the rows that get another color.
    """
    for y, (name, (value, low, high)) in enumerate(rows.items()):
        color = FRAME if name in marked else BLUE
        if low is not None and high is not None:
            axes.plot([low, high], [y, y], color=color, linewidth=2)
        if value is not None:
            axes.plot(value, y, "o", color=color, markersize=6)
    axes.set_yticks(range(len(rows)), list(rows), fontsize=9, color=INK)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(label)
    style_rows(axes)


def style_rows(axes: Axes) -> None:
    """Give axes with a row a thing, and a number across, their grid and frame."""
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG without metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.style.context("default"):
        figure.savefig(path, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})


def _plot_rows(axes: Axes, rows: Sequence[EffectRow]) -> None:
    categories = _categories(rows)
    for y, row in enumerate(rows):
        for index, category in enumerate(categories):
            if category in row.by_category:
                color, marker = CATEGORY_STYLES[index % len(CATEGORY_STYLES)]
                offset = 0.26 * (index - (len(categories) - 1) / 2) / max(1, len(categories) - 1)
                x = row.by_category[category]
                axes.plot(x, y + offset * 1.6, marker, color=color, alpha=0.55, markersize=5)
        if row.mean is None:
            axes.text(
                0.5,
                y,
                row.note,
                transform=axes.get_yaxis_transform(),
                color=FAINT,
                fontsize=10,
                ha="center",
                va="center",
                style="italic",
            )
            continue
        color = BLUE if row.is_baseline else INK
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [y, y], color=color, linewidth=2.2, zorder=3)
        face = "white" if row.differs is False else color
        marker = "D" if row.is_baseline else "o"
        axes.plot(row.mean, y, marker, color=color, markerfacecolor=face, markersize=8, zorder=4)
        if row.is_baseline:
            axes.axvline(row.mean, color=BLUE, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=11)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_color(BLUE if row.is_baseline else INK)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    style_rows(axes)


def _legend(rows: Sequence[EffectRow]) -> list[Line2D]:
    """Legend entries for the markers that occur in the figure."""
    outcomes = {row.differs for row in rows if row.mean is not None and not row.is_baseline}
    entries = []
    if outcomes - {None} and any(row.is_baseline and row.mean is not None for row in rows):
        entries.append(("baseline", BLUE, "D", BLUE, 8))
    if True in outcomes:
        entries.append(("differs from the baseline", INK, "o", INK, 8))
    if False in outcomes:
        entries.append(("difference may be 0", INK, "o", "white", 8))
    for index, category in enumerate(_categories(rows)):
        color, marker = CATEGORY_STYLES[index % len(CATEGORY_STYLES)]
        entries.append((f"category {category}", color, marker, color, 5))
    return [
        Line2D(
            [],
            [],
            linestyle="",
            label=label,
            color=color,
            marker=marker,
            markerfacecolor=face,
            markersize=size,
        )
        for label, color, marker, face, size in entries
    ]


def _write_cell(
    axes: Axes, place: tuple[int, int], effect: EffectRow, is_dark: bool, num_columns: int
) -> None:
    x, y = place
    if effect.is_baseline:
        frame = Rectangle(
            (x - 0.47, y - 0.46), 0.94, 0.92, fill=False, edgecolor=FRAME, linewidth=3
        )
        axes.add_patch(frame)
    if effect.mean is None:
        axes.text(x, y, effect.note, ha="center", va="center", color=FAINT, fontsize=9)
        return
    style: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "color": "white" if is_dark else "black",
    }
    mark = " *" if effect.differs else ""
    axes.text(x, y - 0.1, f"{effect.mean:.2f}{mark}", fontsize=12, **style)
    if effect.low is not None and num_columns <= 8:
        axes.text(x, y + 0.17, f"{effect.low:.2f} to {effect.high:.2f}", fontsize=8, **style)


def _heat_map_key(cells: Sequence[HeatCell], *, is_full: bool) -> str:
    parts = ["framed: baseline"] if any(cell.effect.is_baseline for cell in cells) else []
    if any(cell.effect.differs for cell in cells):
        parts.append("* the 95 % interval of the paired difference excludes 0")
    if not is_full:
        parts.append("empty: not in the study")
    return "     ".join(parts)


def _middle(values: np.ndarray) -> float:
    """The value below which cividis is dark and above which it is light; NaN without values."""
    numbers = values[~np.isnan(values)]
    return float(numbers.min() + 0.55 * np.ptp(numbers)) if numbers.size else float("nan")


def _categories(rows: Sequence[EffectRow]) -> list[str]:
    return sorted({category for row in rows for category in row.by_category})


def _in_order(values: Sequence[str]) -> list[str]:
    """The distinct values: first numbers by size, then words."""

    def order(value: str) -> tuple[bool, float, str]:
        try:
            return (False, float(value), "")
        except ValueError:
            return (True, 0.0, value)

    return sorted(set(values), key=order)
