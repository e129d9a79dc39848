"""The figure of what a timestep in the refiner changes.

`python -m calibration.study.draw_ablations` reads and writes

    calibration/ablations.csv -> reports/figures/ablations/timestep.png
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from zimage_eval.output.figures import BLUE, FAINT, INK, WIDTH_INCHES, save_figure
from zimage_eval.output.observations import Measurement, read_observations
from zimage_eval.statistics.estimates import Estimate, estimate, paired_differences, prompt_means

ABLATIONS = Path("calibration/ablations.csv")
FIGURE = Path("reports/figures/ablations/timestep.png")
_ARM, _BASELINE = "refiner_timestep=true", "baseline"
_SIGMA = "sigma="


def main() -> None:
    """Draw the committed figure again."""
    save_figure(draw_ablations(read_observations(ABLATIONS)), FIGURE)


def draw_ablations(observations: Sequence[Measurement]) -> Figure:
    """Differences of the modulated arm to the other, paired by training seed, with 95 % intervals.

    Alignment by category of prompts, and the held-out flow loss by noise level.
    """
    categories = list(dict.fromkeys(o.category for o in observations if o.metric == "alignment"))
    levels = sorted({o.category for o in observations if o.category.startswith(_SIGMA)})
    with matplotlib.style.context("default"):
        figure = Figure(figsize=(WIDTH_INCHES, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2)
        differences = [run_difference(observations, "alignment", name) for name in categories]
        _plot(left, differences, "difference in alignment (higher is better)")
        left.set_yticks(range(len(categories)), categories, fontsize=11)
        differences = [run_difference(observations, "flow_loss", level) for level in levels]
        _plot(right, differences, "difference in held-out flow loss (lower is better)")
        right.set_yticks(range(len(levels)), [level.removeprefix(_SIGMA) for level in levels])
        right.set_ylabel("noise level (sigma; 1 is noise alone)")
        num_runs = len({observation.unit for observation in observations})
        words = f"with a timestep in the refiner less without; 95 % over {num_runs} pairs of runs"
        figure.supxlabel(words, fontsize=9, color=FAINT)
        return figure


def run_difference(observations: Sequence[Measurement], metric: str, category: str) -> Estimate:
    """The mean difference over pairs of runs of one seed."""
    arms = {
        arm: {
            (o.unit, o.replicate): o.value
            for o in observations
            if (o.variant, o.metric, o.category) == (arm, metric, category)
        }
        for arm in (_ARM, _BASELINE)
    }
    differences = prompt_means(paired_differences(arms[_ARM], arms[_BASELINE]))
    return estimate(list(differences.values()), None)


def _plot(axes: Axes, differences: Sequence[Estimate], label: str) -> None:
    for place, difference in enumerate(differences):
        if difference.mean is None or difference.low is None or difference.high is None:
            continue
        axes.plot([difference.low, difference.high], [place, place], color=BLUE, linewidth=2.2)
        axes.plot(difference.mean, place, "o", color=BLUE, markersize=7)
    axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_ylim(len(differences) - 0.5, -0.5)
    axes.set_xlabel(label, fontsize=9)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="x", color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


if __name__ == "__main__":
    main()
