"""Figures of the machine benchmarks: throughput, profile, compilation, quantization."""

from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zimage_eval.benchmarks.machine.results import MachineResults, MachineValue, number
from zimage_eval.output.figures import BLUE, CATEGORY_STYLES, FAINT, FRAME, INK, WIDTH_INCHES
from zimage_eval.output.observations import Measurement
from zimage_eval.statistics.estimates import Estimate, estimate, prompt_means

PART_COLORS: Final = {
    "encode": "#56b4e9",
    "refine": "#009e73",
    "denoise": BLUE,
    "loop": "#c8c8c8",
    "decode": "#e69f00",
    "save": "#cc79a7",
}


def draw_throughput(results: MachineResults) -> Figure:
    """Draw images per second by batch size, and the speed of batch size 1 as a line."""
    sizes = {
        int(row.removeprefix("batch=")): cells
        for row, cells in results.rows.items()
        if "images_per_second" in cells
    }
    speeds = [number(cells, "images_per_second") for cells in sizes.values()]
    with matplotlib.style.context("default"):
        figure, axes = _start(3.4)
        places = range(len(sizes))
        axes.bar(places, speeds, color=BLUE, width=0.6)
        axes.axhline(speeds[0], color=INK, linewidth=1, linestyle=(0, (4, 3)))
        for place, (speed, cells) in enumerate(zip(speeds, sizes.values(), strict=True)):
            words = f"{speed:.3g}"
            if cells["peak_memory_gib"] is not None:
                words += f"\n{number(cells, 'peak_memory_gib'):.1f} GiB"
            axes.annotate(
                words, (place, speed), (0, 3), textcoords="offset points", ha="center", fontsize=10
            )
        axes.set_xticks(places, [str(size) for size in sizes], fontsize=11)
        axes.set_ylim(0, max(speeds) * 1.2)
        axes.set_xlabel("images in a batch", fontsize=11)
        axes.set_ylabel("images a second", fontsize=11)
        _sign(figure, results)
        return figure


def draw_profile(results: MachineResults) -> Figure:
    """Draw the seconds of one image as one bar, divided into its parts."""
    with matplotlib.style.context("default"):
        figure, axes = _start(2.2)
        bar_start = 0.0
        for part, color in PART_COLORS.items():
            seconds = number(results.rows[part], "seconds")
            share = number(results.rows[part], "share")
            axes.barh(0, seconds, left=bar_start, color=color, label=f"{part} {share:.1%}")
            bar_start += seconds
        axes.set_xlim(0, bar_start)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("seconds of one image", fontsize=11)
        figure.legend(
            loc="outside upper center", ncols=6, frameon=False, fontsize=9, columnspacing=1.2
        )
        _sign(figure, results)
        return figure


def draw_compile(results: MachineResults) -> Figure:
    """Draw seconds against the number of images, a line per arm; an arm pays off where lines cross.

    A line starts at the extra seconds of the first call.
    """
    images = np.array([0, *np.geomspace(1, 2000, 80)])
    with matplotlib.style.context("default"):
        figure, axes = _start(3.8)
        arms = {row: c for row, c in results.rows.items() if "seconds_per_forward" in c}
        for index, (arm, cells) in enumerate(arms.items()):
            steady = number(cells, "seconds_per_forward")
            extra = max(0.0, number(cells, "first_call_seconds") - steady) if index else 0.0
            seconds = extra + images * steady * number(cells, "num_forwards")
            color = INK if arm == "off" else CATEGORY_STYLES[(index - 1) % 4][0]
            axes.plot(images[1:], seconds[1:], color=color, label=arm)
        axes.set(xscale="log", yscale="log")
        axes.set_xlabel("images made", fontsize=11)
        axes.set_ylabel("seconds in the transformer", fontsize=11)
        axes.legend(frameon=False, fontsize=10)
        _sign(figure, results)
        return figure


def draw_quantization(
    rows: Mapping[str, Mapping[str, MachineValue]], observations: Sequence[Measurement]
) -> Figure:
    """Draw the perceptual distance to the unchanged model's pictures, with floor and ceiling.

    Args:
        rows: one per arm; the row of the unchanged model is left out.
        observations: measurements of the pictures, for intervals over prompts.
    """
    arms = {row: cells for row, cells in rows.items() if row != "full"}
    floors = [number(cells, "lpips") for row, cells in arms.items() if row.startswith("floor")]
    with matplotlib.style.context("default"):
        figure, axes = _start(1.8 + 0.36 * len(arms))
        for place, (row, cells) in enumerate(arms.items()):
            is_bound = row.startswith(("floor", "ceiling"))
            color = FAINT if is_bound else BLUE
            distance = _distance(observations, row)
            if distance.low is not None and distance.high is not None:
                axes.plot(
                    [max(distance.low, 0.0), distance.high],
                    [place, place],
                    color=color,
                    linewidth=2,
                )
            marker = "D" if is_bound else "o"
            axes.plot(
                number(cells, "lpips"), place, marker, markersize=8, color=color, clip_on=False
            )
        axes.axvline(
            max(floors), color=FRAME, linewidth=1, linestyle=(0, (4, 3)), label="the higher floor"
        )
        axes.set_yticks(range(len(arms)), list(arms), fontsize=11)
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.set_xscale("symlog", linthresh=1e-4)
        axes.set_xlim(0, 1)
        axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
        axes.set_xlabel("LPIPS to the picture of full precision, 95 % over prompts", fontsize=11)
        figure.legend(loc="outside lower center", frameon=False, fontsize=9)
        return figure


def _distance(observations: Sequence[Measurement], arm: str) -> Estimate:
    distances = {
        (measurement.unit, measurement.replicate): measurement.value
        for measurement in observations
        if (measurement.variant, measurement.metric) == (arm, "lpips")
    }
    return estimate(list(prompt_means(distances).values()), None)


def _start(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def _sign(figure: Figure, results: MachineResults) -> None:
    """Write model, machine and date below the figure."""
    machine = results.machine
    threads = "" if machine.device == "cuda" else f", {machine.num_threads} thread(s)"
    weights = "random weights of the size of " if results.weights == "random" else ""
    words = f"{weights}{results.model} on {machine.name}{threads}, {results.date}"
    figure.supxlabel(words, fontsize=9, color=FAINT)
