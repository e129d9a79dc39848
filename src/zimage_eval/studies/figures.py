"""The figures of a study: image grid, main metric by variant, differences by category."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from PIL import Image

from zimage_eval.config.metrics import METRICS
from zimage_eval.config.settings import Key, value_name
from zimage_eval.config.variants import ExpandedStudy, Variant
from zimage_eval.output.figures import (
    BLUE,
    FAINT,
    INK,
    WIDTH_INCHES,
    EffectRow,
    HeatCell,
    draw_dots,
    draw_heat_map,
)
from zimage_eval.output.image_grids import (
    GridCell,
    GridColumn,
    GridRow,
    draw_gallery,
    draw_image_grid,
)
from zimage_eval.output.png import read_pixels
from zimage_eval.output.tables import IMAGES
from zimage_eval.studies.shown_numbers import show
from zimage_eval.studies.summaries import ALL, COVERAGE, NOT_AVAILABLE, Summary, excludes_zero

if TYPE_CHECKING:  # a name of types decides nothing
    from zimage_eval.prompts.sets import PromptRow

MAX_GRID_COLUMNS = 12
MAX_GRID_PROMPTS = 6
MAX_GALLERY_PROMPTS = 12
LEADING_METRICS = tuple(name for name, metric in METRICS.items() if metric.leads_figures)
"""A study's figure shows the first of these metrics that the study has. `alignment` needs a judge,
`clip_score` the weights of CLIP, `lpips` a second variant to compare with, `sharpness` nothing."""
FOOTNOTE = "bold *: the 95 % interval, unadjusted, excludes 0     blue: baseline"


def main_metric(summaries: Sequence[Summary]) -> str | None:
    """The metric that figures show for the screening phase; None if no image was scored."""
    screened = [row for row in summaries if row.phase == "screen"]
    metrics = {row.metric for row in screened if row.mean is not None}
    return next((metric for metric in LEADING_METRICS if metric in metrics), None)


def short_labels(names: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Split variant names, `key=value,key=value`, into their keys and values.

    Returns:
        The keys, and the values of each name. If the names do not all have the same keys: no keys,
        and for each name a list of the name alone.
    """
    pairs = [[part.partition("=") for part in name.split(",")] for name in names]
    keys = [key for key, _, _ in pairs[0]]
    if all(equals and [k for k, _, _ in pair] == keys for pair in pairs for _, equals, _ in pair):
        return keys, [[value for _, _, value in pair] for pair in pairs]
    return [], [[name] for name in names]


def axis_label(metric: str) -> str:
    """The label of an axis: the metric's name, unit and direction."""
    info = METRICS[metric]
    name = f"{metric.upper()} to the baseline" if info.is_paired else metric
    details = [word for word in (info.unit, info.better and f"{info.better} is better") if word]
    return f"{name} ({', '.join(details)})" if details else name


def grid_variants(variants: Sequence[Variant], confirm: str | None) -> list[Variant]:
    """At most 12 variants for the grid: baseline, rival, and an even selection of the others."""
    kept = [v for v in variants if v.is_baseline or v.name == confirm]
    candidates = [v for v in variants if v not in kept]
    room = min(MAX_GRID_COLUMNS - len(kept), len(candidates))
    kept += [candidates[index * len(candidates) // room] for index in range(room)]
    return [variant for variant in variants if variant in kept]


def grid_prompts(prompts: "Sequence[PromptRow]", limit: int) -> "list[PromptRow]":
    """At most `limit` prompts: the first of each category, then the second of each, and so on."""
    categories = pd.Series([prompt["category"] for prompt in prompts])
    order = pd.DataFrame({"place": pd.factorize(categories)[0]})
    order["rank"] = order.groupby("place").cumcount()
    chosen = order.sort_values(["rank", "place"]).head(limit).sort_values(["place", "rank"])
    return [prompts[index] for index in chosen.index]


def draw_study_grid(
    variants: Sequence[Variant],
    confirm: str | None,
    prompts: "Sequence[PromptRow]",
    images: pd.DataFrame,
    scores: pd.DataFrame,
    folder: Path,
) -> Image.Image:
    """Draw a grid of images of the screening phase: a row per prompt, a column per variant.

    Each image is the one of the prompt's first seed. A study of one variant gets a gallery of more
    prompts instead, with the prompt's text below each image.

    Args:
        variants: of the study.
        confirm: name of the variant that is confirmed; always in the grid.
        prompts: rows of the prompt table of the screening phase.
        images: the image table.
        scores: the score table.
        folder: where the files of the image table are.
    """
    key = list(IMAGES.key)
    rows = scores.merge(images[[*key, "file"]], on=key, how="left").set_index(key)

    def cell(variant: Variant, prompt: "PromptRow") -> GridCell:
        unit = (variant.name, "screen", prompt["prompt_id"], prompt["seeds"][0])
        return _grid_cell(rows.loc[unit], folder)

    if len(variants) == 1:
        chosen = grid_prompts(prompts, MAX_GALLERY_PROMPTS)
        return draw_gallery([(p["text"], cell(variants[0], p)) for p in chosen])
    shown = grid_variants(variants, confirm)
    keys, labels = short_labels([variant.name for variant in shown])
    columns = [
        GridColumn(label, variant.is_baseline) for variant, label in zip(shown, labels, strict=True)
    ]
    grid_rows = [
        GridRow(p["category"], p["text"], [cell(variant, p) for variant in shown])
        for p in grid_prompts(prompts, MAX_GRID_PROMPTS)
    ]
    return draw_image_grid(keys, columns, grid_rows)


def draw_study_effect(study: ExpandedStudy, summaries: Sequence[Summary]) -> Figure:
    """Draw the main metric in the screening phase: a heat map if two settings vary, else dots."""
    metric = main_metric(summaries) or LEADING_METRICS[0]
    screened = [row for row in summaries if row.phase == "screen"]
    variants, keys = study.variants, _grid_keys(study)
    effects = {variant.name: _effect_row(variant, metric, screened) for variant in variants}
    if keys:
        cells = [
            HeatCell(_value(variant, keys[0]), _value(variant, keys[1]), effects[variant.name])
            for variant in variants
        ]
        return draw_heat_map(cells, keys[0][1], keys[1][1], axis_label(metric))
    if len(variants) == 1:
        return draw_dots(_category_rows(variants[0], metric, screened), axis_label(metric))
    return draw_dots(list(effects.values()), axis_label(metric))


def draw_study_categories(variants: Sequence[Variant], summaries: Sequence[Summary]) -> Figure:
    """Draw the main metric in the screening phase as a heat map: variants by prompt categories.

    Colors show paired differences to the baseline. Means are shown instead if the metric is itself
    a distance to the baseline, or if the study has one variant only.
    """
    metric = main_metric(summaries)
    rows = {
        (row.variant, row.category): row
        for row in summaries
        if row.phase == "screen" and row.metric == metric
    }
    categories = [ALL, *sorted({category for _, category in rows} - {ALL})]
    is_difference = metric is not None and len(variants) > 1 and not METRICS[metric].is_paired
    values = np.full((len(variants), len(categories)), np.nan)
    for y, variant in enumerate(variants):
        for x, category in enumerate(categories):
            if row := rows.get((variant.name, category)):
                value = row.difference if is_difference else row.mean
                values[y, x] = np.nan if value is None else value
    with matplotlib.style.context("default"):
        size = (WIDTH_INCHES, 1.6 + 0.42 * len(variants))
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        is_in_unit = metric is not None and METRICS[metric].contrast == "difference"
        margin = (
            METRICS[metric].margin if metric and is_difference and is_in_unit else None
        ) or 0.0
        coloring = _coloring(values, margin, is_difference=is_difference)
        image = axes.imshow(values, aspect="auto", **coloring)
        for y, x in np.argwhere(np.isfinite(values)):
            row = rows[variants[y].name, categories[x]]
            _write_value(axes, (x, y), row, image, is_difference=is_difference)
        if is_difference:
            y = next(index for index, variant in enumerate(variants) if variant.is_baseline)
            axes.text(
                (len(categories) - 1) / 2, y, "baseline", ha="center", va="center", color=FAINT
            )
        _label_axes(axes, variants, _titles(categories, rows))
        label = axis_label(metric).replace(" (", "\n(") if metric else "no image was scored"
        label = f"difference in {label}" if is_difference else label
        figure.colorbar(image, ax=axes).set_label(label, fontsize=9)
        figure.supxlabel(FOOTNOTE if is_difference else "", fontsize=9, color=FAINT)
        return figure


def _grid_cell(row: pd.Series, folder: Path) -> GridCell:
    """The picture of a row of the score table, which has its file, and how it was scored."""
    if pd.isna(row["file"]):
        is_missing = str(row["error"]).startswith(NOT_AVAILABLE)
        return GridCell(None, NOT_AVAILABLE if is_missing else "failed", "neutral")
    image = Image.fromarray(read_pixels(folder / row["file"]))
    if pd.notna(row["alignment"]):
        if row["all_facts"] == 1:
            return GridCell(image, "✓", "good")
        return GridCell(image, f"✗ {row['alignment']:.0%}", "bad")
    lpips = row["lpips"]
    return GridCell(image, "" if pd.isna(lpips) else f"LPIPS {lpips:.2f}", "neutral")


def _effect_row(variant: Variant, metric: str, screened: Sequence[Summary]) -> EffectRow:
    rows = {
        row.category: row
        for row in screened
        if row.variant == variant.name and row.metric == metric
    }
    coverage = next(r for r in screened if r.variant == variant.name and r.metric == COVERAGE)
    total = rows[ALL]
    is_paired = METRICS[metric].is_paired
    note = "not available" if coverage.mean is None else "no number"
    return EffectRow(
        label=variant.name.replace(",", ", "),
        mean=total.mean,
        low=total.low,
        high=total.high,
        is_baseline=variant.is_baseline,
        differs=None if is_paired or variant.is_baseline else excludes_zero(total),
        by_category={
            category: row.mean
            for category, row in rows.items()
            if category != ALL and row.mean is not None
        },
        note="baseline" if is_paired and variant.is_baseline else note,
    )


def _category_rows(variant: Variant, metric: str, screened: Sequence[Summary]) -> list[EffectRow]:
    """Rows of a study of one variant, which has no comparison: all prompts, then each category."""
    whole = _effect_row(variant, metric, screened)
    rows = [whole._replace(label="all prompts", by_category={})]
    for row in screened:
        if row.metric == metric and row.category != ALL:
            same = rows[0]._replace(label=row.category, is_baseline=False)
            rows.append(same._replace(mean=row.mean, low=row.low, high=row.high))
    return rows


def _grid_keys(study: ExpandedStudy) -> tuple[Key, Key] | None:
    """The two keys of a heat map; None unless two varied keys identify all variants."""
    if len(study.varied) != 2:
        return None
    first, second = study.varied
    places = {(_value(variant, first), _value(variant, second)) for variant in study.variants}
    return (first, second) if len(places) == len(study.variants) else None


def _value(variant: Variant, key: Key) -> str:
    return value_name(variant.settings.model_dump()[key[0]][key[1]])


def _coloring(values: np.ndarray, margin: float, *, is_difference: bool) -> dict[str, Any]:
    """Arguments of `imshow`. A difference of 0 is white.

    The color scale reaches at least to the margin, so that negligible differences look pale.
    """
    if not is_difference:
        return {"cmap": "cividis"}
    reach = max(margin, float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0)
    return {"cmap": "RdBu", "vmin": -(reach or 1.0), "vmax": reach or 1.0}


def _write_value(
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


def _label_axes(axes: Axes, variants: Sequence[Variant], titles: Sequence[str]) -> None:
    names = [variant.name.replace(",", ", ") for variant in variants]
    axes.set_yticks(range(len(names)), names, fontsize=10)
    for label, variant in zip(axes.get_yticklabels(), variants, strict=True):
        label.set_color(BLUE if variant.is_baseline else INK)
    axes.set_xticks(range(len(titles)), titles, fontsize=10)
    axes.xaxis.tick_top()
    axes.set_facecolor("#f0f0f0")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _titles(categories: Sequence[str], rows: Mapping[tuple[str, str], Summary]) -> list[str]:
    sizes = {
        category: max(
            (row.num_prompts for (_, name), row in rows.items() if name == category), default=0
        )
        for category in categories
    }
    return [f"{category}\nn = {sizes[category]}" for category in categories]
