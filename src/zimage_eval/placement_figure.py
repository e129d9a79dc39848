"""One figure: where the variants of every study lie between noise floor and other-seed ceiling."""

from collections.abc import Sequence

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zimage_eval.output.figures import BLUE, FAINT, INK, WIDTH_INCHES
from zimage_eval.placements import Placed


def draw_placements(placed: Sequence[Placed], metric: str, baseline_arms: str) -> Figure:
    """A line a study, a dot a variant with its 90 % interval; 0 is the floor, 1 the ceiling.

    Args:
        placed: of all studies; those without a position are left out.
        metric: the one that is shown.
        baseline_arms: label of the arms that are of no study.
    """
    known = [p for p in placed if p.metric == metric and p.placement.position is not None]
    studies = list(dict.fromkeys(each.study for each in known))
    with matplotlib.style.context("default"):
        size = (WIDTH_INCHES, 1.4 + 0.5 * max(len(studies), 1))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        for x, word in ((0, "floor: another batch"), (1, "ceiling: another seed")):
            axes.axvline(x, color=BLUE, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            axes.annotate(
                word, (x, 1), (0, 4), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", color=BLUE, fontsize=10,
            )  # fmt: skip
        for y, study in enumerate(studies):
            _plot_study(axes, y, [each for each in known if each.study == study])
        axes.set_yticks(range(len(studies)), [s or baseline_arms for s in studies], fontsize=11)
        axes.set_ylim(len(studies) - 0.4, -0.6)
        axes.set_xlabel(
            f"{metric.upper()} to the baseline, as a share of the way from floor to ceiling "
            "(90 % intervals)", fontsize=10,
        )  # fmt: skip
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#eeeeee", zorder=0)
        return figure


def _plot_study(axes: Axes, y: int, placed: Sequence[Placed]) -> None:
    """Dots a little apart, in the order of their position; the farthest is named."""
    ranked = sorted(placed, key=lambda each: each.placement.position or 0.0)
    for rank, each in enumerate(ranked):
        where = each.placement
        offset = 0.1 * ((rank % 5) - min(len(ranked) - 1, 4) / 2)
        assert where.position is not None and where.low is not None and where.high is not None
        axes.plot([where.low, where.high], [y + offset] * 2, color=FAINT, linewidth=1.4, zorder=2)
        axes.plot(where.position, y + offset, "o", color=INK, markersize=5, zorder=3)
        if each is ranked[-1]:
            axes.annotate(
                each.variant, (where.high, y + offset), (6, 0), textcoords="offset points",
                va="center", fontsize=8, color=FAINT,
            )  # fmt: skip
