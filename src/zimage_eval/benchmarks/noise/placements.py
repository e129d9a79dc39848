"""Place variants of studies between the noise floor and the other-seed ceiling; draw the places."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zimage_eval.config.benchmarks import NoiseScales
from zimage_eval.config.metrics import METRICS
from zimage_eval.output.figures import BLUE, FAINT, INK, WIDTH_INCHES
from zimage_eval.output.observations import Measurement
from zimage_eval.output.results import write_csv
from zimage_eval.output.tables import means_by_prompt, variant_scores
from zimage_eval.statistics.fieller import Placement, place_distance

Distances = Mapping[str, Mapping[str, float]]
"""Metric -> prompt id -> mean distance to the baseline over seeds; absent if there is none."""
Scale = tuple[Mapping[str, float], Mapping[str, float]]
"""Floor and ceiling of a metric; each is prompt id -> distance."""
DISTANCES = tuple(
    name
    for name, metric in METRICS.items()
    if metric.reads.startswith("image_pair") and name != "identical"
)
"""Metrics of two pictures that measure a distance; `identical` does not."""


class PlacedVariant(NamedTuple):
    """A variant's distance to the baseline on the scale of one metric."""

    study: str
    variant: str
    metric: str
    mean: float | None
    """Mean distance over the prompts, in the metric's unit."""
    placement: Placement


def arm_distances(observations: Iterable[Measurement], arm: str) -> Distances:
    """The distances that were measured in one arm."""
    distances: dict[str, dict[str, float]] = {metric: {} for metric in DISTANCES}
    for measurement in observations:
        if (
            measurement.variant == arm
            and measurement.metric in distances
            and measurement.value is not None
        ):
            distances[measurement.metric][measurement.unit] = measurement.value
    return {metric: values for metric, values in distances.items() if values}


def floors_and_ceilings(
    observations: Sequence[Measurement], floor: str, ceiling: str
) -> dict[str, Scale]:
    """The floor and the ceiling of every metric whose ceiling was measured.

    PSNR has no floor if every floor picture equals the baseline's in every pixel.
    """
    low, high = arm_distances(observations, floor), arm_distances(observations, ceiling)
    return {metric: (low.get(metric, {}), values) for metric, values in high.items()}


def place_arms(
    study: str, arms: Mapping[str, Distances], scales: Mapping[str, Scale], entry: NoiseScales
) -> list[PlacedVariant]:
    """Place every arm on the scale of every metric.

    Args:
        study: name of the arms' study; empty for arms of the benchmark itself.
        arms: name of an arm -> its distances to the baseline.
        scales: metric -> floor and ceiling.
        entry: margin and minimum coverage of the benchmark.
    """
    placed = []
    for name, distances in arms.items():
        for metric, by_prompt in distances.items():
            mean = sum(by_prompt.values()) / len(by_prompt) if by_prompt else None
            placement = place_distance(by_prompt, *scales[metric], entry.margin, entry.min_coverage)
            placed.append(PlacedVariant(study, name, metric, mean, placement))
    return placed


def study_arms(scores: pd.DataFrame, baseline: str, skipped: str) -> dict[str, Distances]:
    """Variant -> distances, from the rows of the screening phase in a score table.

    Args:
        scores: the score table.
        baseline: name of the baseline, which is left out.
        skipped: name of the arm with swapped prompts, which is left out because it has the
            baseline's pictures.
    """
    metrics = [metric for metric in DISTANCES if metric in scores]
    means = {
        variant: means_by_prompt(rows, metrics)
        for variant, rows in variant_scores(scores, "screen").items()
        if variant not in (baseline, skipped)
    }
    return {
        variant: {metric: by_prompt[metric].dropna().to_dict() for metric in metrics}
        for variant, by_prompt in means.items()
    }


def placement_results(placed: Iterable[PlacedVariant]) -> dict[str, dict[str, float | None]]:
    """`<study>/<variant>` (or the arm's name) -> mean, position and interval of each metric."""
    results: dict[str, dict[str, float | None]] = {}
    for study, variant, metric, mean, placement in placed:
        row = results.setdefault(f"{study}/{variant}" if study else variant, {})
        row[metric] = mean
        row |= {
            f"{metric}_position": placement.position,
            f"{metric}_position_low": placement.low,
            f"{metric}_position_high": placement.high,
        }
    return results


def write_placements(path: Path, placed: Iterable[PlacedVariant]) -> None:
    """Write a CSV with a row per study, variant and metric: the place in words, 90 % intervals."""
    columns = (*PlacedVariant._fields[:4], *Placement._fields)
    write_csv(path, columns, ((*variant[:4], *variant.placement) for variant in placed))


def arm_results(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """Arm -> mean of each metric over the prompts that have it, and the number of prompts."""
    results: dict[str, dict[str, float | None]] = {}
    for arm in dict.fromkeys(measurement.variant for measurement in observations):
        measurements = [measurement for measurement in observations if measurement.variant == arm]
        row: dict[str, float | None] = {
            "num_prompts": len({measurement.unit for measurement in measurements})
        }
        for metric in dict.fromkeys(measurement.metric for measurement in measurements):
            values = [
                measurement.value
                for measurement in measurements
                if measurement.metric == metric and measurement.value is not None
            ]
            row[metric] = sum(values) / len(values) if values else None
        results[arm] = row
    return results


def draw_placements(placed: Sequence[PlacedVariant], metric: str, baseline_arms: str) -> Figure:
    """Draw a line per study, a dot and 90 % interval per variant; 0 is the floor, 1 the ceiling.

    Args:
        placed: variants of all studies; those without a position are left out.
        metric: the metric that is shown.
        baseline_arms: label of the arms that belong to no study.
    """
    shown = [
        variant
        for variant in placed
        if variant.metric == metric and variant.placement.position is not None
    ]
    studies = list(dict.fromkeys(variant.study for variant in shown))
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
            _plot_study(axes, y, [variant for variant in shown if variant.study == study])
        axes.set_yticks(
            range(len(studies)), [study or baseline_arms for study in studies], fontsize=11
        )
        axes.set_ylim(len(studies) - 0.4, -0.6)
        axes.set_xlabel(
            f"{metric.upper()} to the baseline, as a share of the way from floor to ceiling "
            "(90 % intervals)", fontsize=10,
        )  # fmt: skip
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#eeeeee", zorder=0)
        return figure


def _plot_study(axes: Axes, y: int, placed: Sequence[PlacedVariant]) -> None:
    """Draw the dots of a study, slightly apart, ordered by position; the highest one is labeled."""
    ranked = sorted(placed, key=lambda variant: variant.placement.position or 0.0)
    for rank, variant in enumerate(ranked):
        placement = variant.placement
        offset = 0.1 * ((rank % 5) - min(len(ranked) - 1, 4) / 2)
        assert (
            placement.position is not None
            and placement.low is not None
            and placement.high is not None
        )
        axes.plot(
            [placement.low, placement.high], [y + offset] * 2, color=FAINT, linewidth=1.4, zorder=2
        )
        axes.plot(placement.position, y + offset, "o", color=INK, markersize=5, zorder=3)
        if variant is ranked[-1]:
            axes.annotate(
                variant.variant, (placement.high, y + offset), (6, 0), textcoords="offset points",
                va="center", fontsize=8, color=FAINT,
            )  # fmt: skip
