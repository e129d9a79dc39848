"""Where the variants of studies lie between noise floor and other-seed ceiling; their figure."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zimage_eval.config.benchmarks import NoiseScales
from zimage_eval.metrics.catalogue import METRICS
from zimage_eval.output.figures import BLUE, FAINT, INK, WIDTH_INCHES
from zimage_eval.output.observations import Measurement
from zimage_eval.output.tables import TableRow
from zimage_eval.statistics.estimates import prompt_means, rounded
from zimage_eval.statistics.fieller import Placement, place_distance

Distances = Mapping[str, Mapping[str, float]]
"""Metric -> prompt id -> distance to the baseline, mean over seeds; prompts without one absent."""
Scale = tuple[Mapping[str, float], Mapping[str, float]]
"""Floor and ceiling of a metric, by prompt id."""
DISTANCES = tuple(
    name
    for name, metric in METRICS.items()
    if metric.reads.startswith("image_pair") and name != "identical"
)
"""Metrics of two pictures that have a scale; equality has none."""


class Placed(NamedTuple):
    """A variant's distance to the baseline on the scale of one metric."""

    study: str
    variant: str
    metric: str
    mean: float | None
    """Over the prompts, in the metric's unit."""
    placement: Placement


def arm_distances(observations: Iterable[Measurement], arm: str) -> Distances:
    """What was seen of one arm."""
    found: dict[str, dict[str, float]] = {metric: {} for metric in DISTANCES}
    for one in observations:
        if one.variant == arm and one.metric in found and one.value is not None:
            found[one.metric][one.unit] = one.value
    return {metric: values for metric, values in found.items() if values}


def noise_scales(observations: Sequence[Measurement], floor: str, ceiling: str) -> dict[str, Scale]:
    """The two ends of every metric of which the ceiling was measured.

    Where every floor picture equals the baseline's in every pixel, PSNR has no floor.
    """
    low, high = arm_distances(observations, floor), arm_distances(observations, ceiling)
    return {metric: (low.get(metric, {}), values) for metric, values in high.items()}


def place_arms(
    study: str, arms: Mapping[str, Distances], scales: Mapping[str, Scale], entry: NoiseScales
) -> list[Placed]:
    """Every arm on the scale of every metric.

    Args:
        study: that they are of; empty for arms of the benchmark itself.
        arms: distances to the baseline by the arm's name.
        scales: by metric.
        entry: margin and coverage.
    """
    placed = []
    for name, found in arms.items():
        for metric, own in found.items():
            mean = sum(own.values()) / len(own) if own else None
            where = place_distance(own, *scales[metric], entry.margin, entry.min_coverage)
            placed.append(Placed(study, name, metric, mean, where))
    return placed


def study_arms(rows: Sequence[TableRow], baseline: str, skipped: str) -> dict[str, Distances]:
    """By variant, the distances in the screened rows of a score table.

    Args:
        rows: of the score table.
        baseline: the name of the baseline, which has no distance to itself.
        skipped: the name of the arm with swapped prompts, whose pictures are the baseline's.
    """
    variants: dict[str, list[TableRow]] = {}
    for row in rows:
        if row["phase"] == "screen" and row["variant"] not in (baseline, skipped):
            variants.setdefault(row["variant"], []).append(row)
    metrics = [metric for metric in DISTANCES if any(metric in row for row in rows[:1])]
    return {
        variant: {
            metric: prompt_means({(r["prompt_id"], r["seed"]): r[metric] for r in own})
            for metric in metrics
        }
        for variant, own in variants.items()
    }


def placement_results(placed: Iterable[Placed]) -> dict[str, dict[str, float | None]]:
    """`<study>/<variant>` (or the arm's name) -> each metric's mean, position and its interval."""
    results: dict[str, dict[str, float | None]] = {}
    for study, variant, metric, mean, where in placed:
        row = results.setdefault(f"{study}/{variant}" if study else variant, {})
        row[metric] = mean
        row |= {
            f"{metric}_position": where.position,
            f"{metric}_position_low": where.low,
            f"{metric}_position_high": where.high,
        }
    return results


def write_placements(path: Path, placed: Iterable[Placed]) -> None:
    """A CSV with the place in words, a row a study, variant and metric; 90 % intervals."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("study", "variant", "metric", "mean", *Placement._fields))
        for study, variant, metric, mean, where in placed:
            numbers = (rounded(value) for value in (where.position, where.low, where.high))
            writer.writerow(
                (study, variant, metric, rounded(mean), where.place, where.reason,
                 where.num_prompts, *numbers)
            )  # fmt: skip


def arm_results(observations: Sequence[Measurement]) -> dict[str, dict[str, float | None]]:
    """Arm -> mean of each metric over the prompts that have it, and how many prompts there were."""
    results: dict[str, dict[str, float | None]] = {}
    for arm in dict.fromkeys(one.variant for one in observations):
        own = [one for one in observations if one.variant == arm]
        row: dict[str, float | None] = {"num_prompts": len({one.unit for one in own})}
        for metric in dict.fromkeys(one.metric for one in own):
            known = [o.value for o in own if o.metric == metric and o.value is not None]
            row[metric] = sum(known) / len(known) if known else None
        results[arm] = row
    return results


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
