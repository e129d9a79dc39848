"""Figures of the prompt benchmarks: predicted alignment, failures, steering by style vectors."""

from collections.abc import Mapping, Sequence

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zimage_eval.output.figures import (
    BLUE,
    FAINT,
    FRAME,
    INK,
    WIDTH_INCHES,
    Floats,
    Groups,
    MeanInterval,
    draw_intervals,
    scatter_groups,
)
from zimage_eval.output.results import NumberRow


def draw_predictions(
    predicted: Floats, alignment: Floats, groups: Groups, features: Mapping[str, NumberRow]
) -> Figure:
    """Draw predicted against measured alignment of held-out prompts, and features' correlations."""
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES + 2, 5), layout="constrained")
        prediction_axes, feature_axes = figure.subplots(1, 2, width_ratios=(1, 1.1))
        scatter_groups(prediction_axes, predicted, alignment, groups)
        prediction_axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
        low = float(min(predicted.min(), alignment.min())) - 0.05
        prediction_axes.set(
            xlim=(low, 1.05),
            ylim=(low, 1.05),
            xlabel="alignment foretold, prompt held out",
            ylabel="alignment measured",
        )
        prediction_axes.legend(frameon=False, fontsize=8, loc="upper left")
        shown = {name: row for name, row in features.items() if row["rank_correlation"] is not None}
        ordered = sorted(shown, key=lambda name: shown[name]["rank_correlation"] or 0.0)
        draw_intervals(
            feature_axes,
            {
                name.removeprefix("feature="): (
                    shown[name]["rank_correlation"],
                    shown[name]["rank_correlation_low"],
                    shown[name]["rank_correlation_high"],
                )
                for name in ordered
            },
            "rank correlation with alignment (95 %)",
        )
        feature_axes.axvline(0, color=FAINT, linewidth=1)
        return figure


def draw_failures(rows: Mapping[str, NumberRow], failing: Sequence[str]) -> Figure:
    """Draw which levels fail, how well detectors predict it, and which retries help."""
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES + 4, 6), layout="constrained")
        level_axes, detector_axes, retry_axes = figure.subplots(1, 3)
        levels = _named(rows, ("relation_word=", "crowd=", "pair="), "success_rate")
        plain = [_short(name) for name in failing]
        draw_intervals(level_axes, levels, "share of pictures that succeed, 95 %", plain)
        detectors = _named(rows, ("detector=",), "auc")
        draw_intervals(
            detector_axes, dict(sorted(detectors.items(), key=_value)), "AUC for failing, 95 %"
        )
        detector_axes.axvline(0.5, color=FAINT, linewidth=1)
        fixed = _named(rows, ("retry=",), "kept_share")
        draw_intervals(retry_axes, fixed, "share that shows the kept facts, 95 %")
        for axes, title in (
            (level_axes, "what fails"),
            (detector_axes, "who foresees it"),
            (retry_axes, "what helps"),
        ):
            axes.set_title(title, fontsize=11, loc="left")
        return figure


def _named(
    rows: Mapping[str, NumberRow], starts: Sequence[str], metric: str
) -> dict[str, MeanInterval]:
    return {
        _short(name): (row[metric], row[f"{metric}_low"], row[f"{metric}_high"])
        for start in starts
        for name, row in rows.items()
        if name.startswith(start)
    }


def _short(name: str) -> str:
    group, level = name.split("=", 1)
    if group == "crowd":
        return "1 object" if level == "1" else f"{level} objects"
    return level.replace("_", " ")


def _value(item: tuple[str, MeanInterval]) -> float:
    return -(item[1][0] or 0.0)


def draw_steering(rows: Mapping[str, NumberRow], attributes: Sequence[str]) -> Figure:
    """Draw by attribute and strength how often the attribute appears and other facts are kept."""
    arms = ("words_vector", "after_vector", "random_vector")
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES + 3, 6), layout="constrained")
        grid = figure.subplots(2, len(attributes), sharex=True, sharey=True, squeeze=False)
        for column, attribute in enumerate(attributes):
            for axes, metric in zip(grid[:, column], ("has_attribute", "other_facts"), strict=True):
                _draw_strengths(axes, rows, attribute, arms, metric)
            grid[0, column].set_title(attribute, fontsize=11, loc="left")
            grid[1, column].set_xlabel("strength")
        grid[0, 0].set_ylabel("pictures with it, 95 %")
        grid[1, 0].set_ylabel("other facts kept, 95 %")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=len(labels),
            frameon=False,
            fontsize=9,
        )
        return figure


def _draw_strengths(
    axes: Axes, rows: Mapping[str, NumberRow], attribute: str, arms: Sequence[str], metric: str
) -> None:
    for (color, marker), arm in zip(((BLUE, "o"), (FRAME, "s"), (FAINT, "^")), arms, strict=True):
        start = f"{attribute},{arm},strength="
        strength_rows = sorted(
            (float(name.removeprefix(start)), row)
            for name, row in rows.items()
            if name.startswith(start)
        )
        x = np.array([strength for strength, _ in strength_rows])
        y = np.array(
            [
                [
                    np.nan if row[f"{metric}{end}"] is None else row[f"{metric}{end}"]
                    for end in ("", "_low", "_high")
                ]
                for _, row in strength_rows
            ],
            dtype=float,
        )
        axes.plot(x, y[:, 0], marker=marker, color=color, label=arm.replace("_", " "))
        axes.fill_between(x, y[:, 1], y[:, 2], color=color, alpha=0.15, linewidth=0)
    for name, style in (("words", (0, (4, 3))), ("nothing", (0, (1, 2)))):
        value = rows[f"{attribute},{name}"][metric]
        if value is not None:
            axes.axhline(value, color=INK, linewidth=1, linestyle=style, label=name)
    axes.set_xscale("log", base=2)
    axes.set_xticks(x, [f"{strength:g}" for strength in x])
    axes.set_ylim(-0.05, 1.05)
    axes.spines[["top", "right"]].set_visible(False)
