"""The figure of baked guidance: how far the base is from its turbo at each guidance scale."""

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zimage_eval.benchmarks.guidance.arms import TURBO_AGAIN, GuidanceArms
from zimage_eval.benchmarks.guidance.baked import GuidanceMeasurements
from zimage_eval.config.benchmarks import DistanceName
from zimage_eval.output.figures import BLUE, FAINT, INK, WIDTH_INCHES
from zimage_eval.statistics.estimates import estimate

TITLES: dict[DistanceName, str] = {
    "kid_given_prompt_alexnet": "KID given the prompt, AlexNet",
    "kid_given_prompt_vae": "KID given the prompt, autoencoder",
    "kid_alexnet": "KID, AlexNet",
    "kid_vae": "KID, autoencoder",
    "fd_alexnet": "Fréchet distance, AlexNet",
    "fd_vae": "Fréchet distance, autoencoder",
    "frequencies_given_prompt": "attributes shown, given the prompt",
    "frequencies": "attributes shown",
}


def draw_distances(
    arms: GuidanceArms, measured: GuidanceMeasurements, primary: DistanceName, level: float
) -> Figure:
    """Draw the primary distance against the scale, and the other distances in smaller panels."""
    others = [name for name in measured.findings if name != primary]
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES * 1.3, 6.2), layout="constrained")
        grid = figure.add_gridspec(4, 4)
        main = figure.add_subplot(grid[:, :2])
        _plot(main, arms, measured, primary, level)
        main.set_title(TITLES[primary], fontsize=12, color=INK)
        main.set_xlabel("guidance scale of the base", fontsize=11)
        main.set_ylabel("distance to the turbo (95 % intervals)", fontsize=11)
        for place, name in enumerate(others):
            axes = figure.add_subplot(grid[place // 2, 2 + place % 2])
            _plot(axes, arms, measured, name, level)
            axes.set_title(TITLES[name], fontsize=8, color=INK)
            axes.tick_params(labelsize=7)
        figure.legend(
            handles=_legend(level), loc="outside lower center", ncols=3, frameon=False, fontsize=9
        )
        return figure


def draw_reason(reason: str) -> Figure:
    """Draw the reason why there are no numbers."""
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES, 1.5), layout="constrained")
        figure.text(
            0.5, 0.5, reason, ha="center", va="center", color=FAINT, style="italic", wrap=True
        )
        return figure


def _plot(
    axes: Axes, arms: GuidanceArms, measured: GuidanceMeasurements, name: DistanceName, level: float
) -> None:
    kept = set(measured.findings[name].kept(level))
    floor = float(measured.distances[TURBO_AGAIN][name].mean())
    axes.axhline(floor, color=FAINT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    means = []
    for arm, scale in arms.scales.items():
        distance = estimate(measured.distances[arm][name].tolist(), None)
        color = BLUE if arm in kept else INK
        means.append(distance.mean or 0.0)
        if distance.low is not None and distance.high is not None:
            axes.plot(
                [scale, scale], [distance.low, distance.high], color=color, linewidth=2, zorder=2
            )
        face = color if arm in kept else "white"
        axes.plot(scale, means[-1], "o", color=color, markerfacecolor=face, markersize=6, zorder=3)
    axes.plot(list(arms.scales.values()), means, color=FAINT, linewidth=0.8, zorder=1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#eeeeee", zorder=0)


def _legend(level: float) -> list[Line2D]:
    dashed = Line2D([], [], color=FAINT, linestyle=(0, (4, 3)), label="the turbo from other noise")
    kept = f"may be the nearest ({1 - level:.0%} confidence set)"
    return [
        Line2D([], [], color=BLUE, marker="o", linestyle="", label=kept),
        Line2D(
            [], [], color=INK, marker="o", linestyle="", markerfacecolor="white", label="is not"
        ),
        dashed,
    ]
