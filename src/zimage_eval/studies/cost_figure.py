"""The figure of a study's main metric against forwards per image, with intervals and the front."""

from collections.abc import Mapping, Sequence

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, ScalarFormatter

from zimage_eval.config.metrics import METRICS
from zimage_eval.config.variants import Variant
from zimage_eval.output.figures import BLUE, FAINT, INK, WIDTH_INCHES
from zimage_eval.studies.figures import axis_label, main_metric, short_labels
from zimage_eval.studies.pareto import FrontMember, Status
from zimage_eval.studies.summaries import ALL, Summary

HEIGHT_INCHES = 5.2
MARKER_FACES: Mapping[Status | None, tuple[str, str]] = {
    "on_front": (INK, "on the front"),
    "may_be_on_front": ("white", "may be on the front"),
    "dominated": ("#cfcfcf", "another is better at no more cost"),
    "unresolved": ("white", "no interval"),
    None: ("white", "no front: one cost, or a metric without a better end"),
}


def draw_study_costs(
    variants: Sequence[Variant], summaries: Sequence[Summary], front: Sequence[FrontMember]
) -> Figure:
    """Draw the main metric in the screening phase against forwards per image.

    Variants of equal cost stand in one column.

    Args:
        variants: of the study.
        summaries: rows of the study; their means and 95 % intervals are drawn.
        front: status of each variant; empty if neither end of the metric's scale is better.
    """
    metric = main_metric(summaries)
    rows = {
        (row.variant, row.metric): row
        for row in summaries
        if row.phase == "screen" and row.category == ALL
    }
    statuses = {member.variant: member.status for member in front}
    shown = [v for v in variants if metric and _mean(rows, v, metric) is not None]
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
        axes = figure.add_subplot()
        axes.set_xlabel("forwards per image (lower is cheaper)", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
        if metric is None or not shown:
            axes.text(0.5, 0.5, "no image was scored", transform=axes.transAxes, ha="center")
            return figure
        axes.set_ylabel(axis_label(metric), fontsize=11)
        costs = {v.name: _mean(rows, v, "num_forwards") or 0.0 for v in shown}
        _scale_costs(axes, sorted(set(costs.values())))
        places = _side_by_side(costs)
        for variant in shown:
            _plot_point(axes, places[variant.name], rows[variant.name, metric], variant, statuses)
        _plot_front([member for member in front if member.status == "on_front"], axes, metric)
        keys, labels = short_labels([v.name for v in shown])
        _label_points(axes, shown, labels, places, rows, metric)
        axes.set_title(f"labels: {', '.join(keys)}" if keys else "", fontsize=9, color=FAINT)
        _legend(figure, [statuses.get(v.name) for v in shown])
        return figure


def _mean(rows: Mapping[tuple[str, str], Summary], variant: Variant, metric: str) -> float | None:
    row = rows.get((variant.name, metric))
    return None if row is None else row.mean


def _side_by_side(costs: Mapping[str, float]) -> dict[str, float]:
    """Horizontal positions: variants of equal cost stand slightly apart, to show all intervals."""
    places = {}
    for cost in set(costs.values()):
        names = [name for name, value in costs.items() if value == cost]
        for index, name in enumerate(names):
            places[name] = cost * 1.02 ** (index - (len(names) - 1) / 2)
    return places


def _scale_costs(axes: Axes, costs: Sequence[float]) -> None:
    """A logarithmic axis, because costs are compared by ratio; a tick at each variant's cost."""
    axes.set_xscale("log", base=2)
    axes.set_xticks(costs)
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(costs[0] / 1.3, costs[-1] * 1.9)


def _plot_point(
    axes: Axes, cost: float, row: Summary, variant: Variant, statuses: Mapping[str, Status]
) -> None:
    color = BLUE if variant.is_baseline else INK
    face, _ = MARKER_FACES[statuses.get(variant.name)]
    face = BLUE if variant.is_baseline and face == INK else face
    if row.low is not None and row.high is not None:
        axes.plot([cost, cost], [row.low, row.high], color=color, linewidth=1.4, zorder=2)
    marker = "D" if variant.is_baseline else "o"
    assert row.mean is not None
    axes.plot(cost, row.mean, marker, color=color, markerfacecolor=face, markersize=8, zorder=3)


def _plot_front(members: Sequence[FrontMember], axes: Axes, metric: str) -> None:
    """Steps through the variants whose status is "on_front"."""
    sign = -1.0 if METRICS[metric].better == "lower" else 1.0
    ranked = sorted(members, key=lambda member: member.cost)
    if len(ranked) > 1:
        axes.step(
            [member.cost for member in ranked],
            [sign * member.mean for member in ranked],
            where="post", color=FAINT, linewidth=1, linestyle=(0, (2, 2)), zorder=1,
        )  # fmt: skip


def _label_points(
    axes: Axes,
    shown: Sequence[Variant],
    labels: Sequence[Sequence[str]],
    places: Mapping[str, float],
    rows: Mapping[tuple[str, str], Summary],
    metric: str,
) -> None:
    """Write each label to the right of its column, moved up where it would cover another label."""
    low, high = axes.get_ylim()
    min_distance = (high - low) * 0.042
    heights: dict[float, float] = {}
    named = sorted(zip(shown, labels, strict=True), key=lambda p: _mean(rows, p[0], metric) or 0)
    for variant, words in named:
        mean = _mean(rows, variant, metric) or 0.0
        cost = _mean(rows, variant, "num_forwards") or 0.0
        height = max(mean, heights.get(cost, mean - min_distance) + min_distance)
        heights[cost] = height
        dot, text = (places[variant.name], mean), (cost * 1.13, height)
        axes.annotate(
            ", ".join(words), dot, text, textcoords="data",
            va="center", fontsize=8, color=BLUE if variant.is_baseline else INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            arrowprops={"arrowstyle": "-", "color": "#dddddd", "shrinkA": 0, "shrinkB": 4},
        )  # fmt: skip


def _legend(figure: Figure, statuses: Sequence[Status | None]) -> None:
    handles = [
        Line2D([], [], marker="D", linestyle="", color=BLUE, label="baseline"),
        *(
            Line2D([], [], marker="o", linestyle="", color=INK, markerfacecolor=face, label=word)
            for status, (face, word) in MARKER_FACES.items()
            if status in statuses
        ),
        Line2D([], [], color=INK, linewidth=1.4, label="95 % interval"),
    ]
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=9
    )
