"""A study's effect by category of prompts: a field a variant and category."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from zimage_eval.config.variants import Variant
from zimage_eval.metrics.catalogue import METRICS
from zimage_eval.output.figures import BLUE, FAINT, INK, WIDTH_INCHES
from zimage_eval.report_tables import show
from zimage_eval.study_figures import axis_label, main_metric
from zimage_eval.summaries import ALL, Summary, excludes_zero

KEY = "bold *: the 95 % interval, unadjusted, excludes 0     blue: baseline"


def draw_study_categories(variants: Sequence[Variant], summaries: Sequence[Summary]) -> Figure:
    """Paired differences of the main metric to the baseline when screened, by category of prompts.

    A distance to the baseline is shown as it is; so is the mean of a study with nothing to compare.
    """
    metric = main_metric(summaries)
    found = {
        (row.variant, row.category): row
        for row in summaries
        if row.phase == "screen" and row.metric == metric
    }
    categories = [ALL, *sorted({category for _, category in found} - {ALL})]
    is_difference = metric is not None and len(variants) > 1 and not METRICS[metric].is_paired
    values = np.full((len(variants), len(categories)), np.nan)
    for y, variant in enumerate(variants):
        for x, category in enumerate(categories):
            if row := found.get((variant.name, category)):
                value = row.difference if is_difference else row.mean
                values[y, x] = np.nan if value is None else value
    with matplotlib.style.context("default"):
        size = (WIDTH_INCHES, 1.6 + 0.42 * len(variants))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        margin = (METRICS[metric].margin if metric and is_difference else None) or 0.0
        coloring = _coloring(values, margin, is_difference=is_difference)
        image = axes.imshow(values, aspect="auto", **coloring)
        for y, x in np.argwhere(np.isfinite(values)):
            row = found[variants[y].name, categories[x]]
            _write(axes, (x, y), row, image, is_difference=is_difference)
        if is_difference:
            y = next(index for index, variant in enumerate(variants) if variant.is_baseline)
            axes.text(
                (len(categories) - 1) / 2, y, "baseline", ha="center", va="center", color=FAINT
            )
        _name_sides(axes, variants, _titles(categories, found))
        what = axis_label(metric).replace(" (", "\n(") if metric else "no image was scored"
        what = f"difference in {what}" if is_difference else what
        figure.colorbar(image, ax=axes).set_label(what, fontsize=9)
        figure.supxlabel(KEY if is_difference else "", fontsize=9, color=FAINT)
        return figure


def _coloring(values: np.ndarray, margin: float, *, is_difference: bool) -> dict[str, Any]:
    """Differences are colored on both sides of white, which is 0.

    Full color is the margin at least, so that what makes no difference looks like none.
    """
    if not is_difference:
        return {"cmap": "cividis"}
    reach = max(margin, float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0)
    return {"cmap": "RdBu", "vmin": -(reach or 1.0), "vmax": reach or 1.0}


def _write(
    axes: Axes, place: tuple[int, int], row: Summary, image: AxesImage, *, is_difference: bool
) -> None:
    value = row.difference if is_difference else row.mean
    assert value is not None
    decimals = METRICS[row.metric].decimals
    text = show(value, decimals, signed=is_difference)
    is_marked = is_difference and excludes_zero(row)
    red, green, blue, _ = image.to_rgba(np.array([value]))[0]
    is_dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5  # luma of ITU-R BT.601
    axes.text(
        *place, f"{text} *" if is_marked else text, ha="center", va="center",
        color="white" if is_dark else "black", weight="bold" if is_marked else "normal",
    )  # fmt: skip


def _name_sides(axes: Axes, variants: Sequence[Variant], titles: Sequence[str]) -> None:
    names = [variant.name.replace(",", ", ") for variant in variants]
    axes.set_yticks(range(len(names)), names, fontsize=10)
    for label, variant in zip(axes.get_yticklabels(), variants, strict=True):
        label.set_color(BLUE if variant.is_baseline else INK)
    axes.set_xticks(range(len(titles)), titles, fontsize=10)
    axes.xaxis.tick_top()
    axes.set_facecolor("#f0f0f0")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _titles(categories: Sequence[str], found: Mapping[tuple[str, str], Summary]) -> list[str]:
    sizes = {
        each: max((row.num_prompts for (_, c), row in found.items() if c == each), default=0)
        for each in categories
    }
    return [f"{each}\nn = {sizes[each]}" for each in categories]
