"""Figures of limits: positions of captions in the position table, noise levels of schedules."""

from collections.abc import Mapping, Sequence

import matplotlib.style
from matplotlib.figure import Figure

from zimage_eval.output.figures import BLUE, FAINT, FRAME, INK, WIDTH_INCHES
from zimage_eval.output.results import NumberRow


def draw_positions(rows: Mapping[str, NumberRow], table_rows: int) -> Figure:
    """Draw the highest position of each caption length, and the end of the model's table."""
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES, 4.2), layout="constrained")
        axes = figure.add_subplot()
        tried_rows = [row for name, row in rows.items() if name.startswith(f"table={table_rows},")]
        names = [name for name in rows if name.startswith(f"table={table_rows},")]
        lengths = [int(name.rpartition("=")[2]) for name in names]
        measured = [
            (length, row)
            for length, row in sorted(
                zip(lengths, tried_rows, strict=True), key=lambda pair: pair[0]
            )
            if "fits" in row
        ]
        for place, (_, row) in enumerate(measured):
            last, image = row["last_caption_position"], row["image_position"]
            assert last is not None
            assert image is not None
            color, word = (BLUE, "runs") if row["fits"] else (FRAME, "fails")
            axes.plot([place, place], [table_rows - 96, last], color=FAINT, linewidth=5)
            axes.plot(place, image, "s", color=color, markersize=10, zorder=3)
            axes.annotate(
                f"{word}\nimage at {image:g}",
                (place, image),
                (0, 10),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=color,
            )
        axes.axhline(table_rows - 1, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.text(-0.45, table_rows + 1, f"last row of the table: {table_rows - 1}", fontsize=9)
        axes.set_xticks(range(len(measured)), [f"{length}" for length, _ in measured], fontsize=11)
        axes.set_xlim(-0.5, len(measured) - 0.5)
        axes.set_ylim(table_rows - 96, table_rows + 72)
        axes.set_xlabel("tokens of the caption, before padding to a multiple of 32", fontsize=11)
        axes.set_ylabel("position on axis 0", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def draw_schedules(schedules: Mapping[str, Sequence[float]], default: str) -> Figure:
    """Draw the noise levels of each schedule; the model's default schedule is blue.

    Args:
        schedules: name -> noise levels.
        default: name of the model's default schedule.
    """
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES, 1.2 + 0.28 * len(schedules)), layout="constrained")
        axes = figure.add_subplot()
        names = sorted(schedules, key=lambda name: (len(schedules[name]), name))
        for place, name in enumerate(names):
            color = BLUE if name == default else INK
            levels = schedules[name]
            axes.plot(levels, [place] * len(levels), "-", color="#e4e4e4", zorder=1)
            axes.plot(levels, [place] * len(levels), "|", color=color, markersize=9)
        for level in schedules[default]:
            axes.axvline(level, color=BLUE, linewidth=0.6, alpha=0.4, zorder=0)
        axes.set_yticks(range(len(names)), [name.replace(",", ", ") for name in names], fontsize=8)
        for label, name in zip(axes.get_yticklabels(), names, strict=True):
            label.set_color(BLUE if name == default else INK)
        axes.set_xlim(1.02, -0.02)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel("noise level sigma; blue: the model's own schedule", fontsize=11)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
        return figure
