"""What is drawn of a study: prompts by variants, its main metric, its effect by category."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from PIL import Image

from zimage_eval.config.params import Study
from zimage_eval.config.settings import KEYS, Key, leaves, word
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.catalogue import METRICS
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
from zimage_eval.output.tables import TableRow
from zimage_eval.studies.shown_numbers import show
from zimage_eval.studies.summaries import ALL, COVERAGE, NOT_AVAILABLE, Summary, excludes_zero

MAX_GRID_COLUMNS = 12
MAX_GRID_PROMPTS = 6
MAX_GALLERY_PROMPTS = 12
MAIN_METRICS = ("alignment", "clip_score", "lpips", "sharpness")
"""A study's figure shows the first of these that it has. CLIPScore needs no judge but CLIP's
weights, LPIPS a second variant to be compared with, sharpness neither."""


def main_metric(summaries: Sequence[Summary]) -> str | None:
    """The metric a study is looked at by when screened; None if no image was scored."""
    screened = [row for row in summaries if row.phase == "screen"]
    known = {row.metric for row in screened if row.mean is not None}
    return next((metric for metric in MAIN_METRICS if metric in known), None)


def short_labels(names: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Keys that all names `key=value,key=value` share, and each name's values; else the names."""
    pairs = [[part.partition("=") for part in name.split(",")] for name in names]
    keys = [key for key, _, _ in pairs[0]]
    if all(equals and [k for k, _, _ in pair] == keys for pair in pairs for _, equals, _ in pair):
        return keys, [[value for _, _, value in pair] for pair in pairs]
    return [], [[name] for name in names]


def axis_label(metric: str) -> str:
    """Name, unit and direction of a metric as an axis says them."""
    info = METRICS[metric]
    name = f"{metric.upper()} to the baseline" if info.is_paired else metric
    said = [word for word in (info.unit, info.better and f"{info.better} is better") if word]
    return f"{name} ({', '.join(said)})" if said else name


def grid_variants(variants: Sequence[Variant], confirm: str | None) -> list[Variant]:
    """At most 12 variants for the grid: the baseline, the rival, the others evenly thinned."""
    kept = [v for v in variants if v.is_baseline or v.name == confirm]
    others = [v for v in variants if v not in kept]
    room = min(MAX_GRID_COLUMNS - len(kept), len(others))
    kept += [others[index * len(others) // room] for index in range(room)]
    return [variant for variant in variants if variant in kept]


def grid_prompts(prompts: Sequence[TableRow], limit: int) -> list[TableRow]:
    """Some prompts for the grid: the first of each category, then the second, ..."""
    by_category: dict[str, list[TableRow]] = {}
    for prompt in prompts:
        by_category.setdefault(prompt["category"], []).append(prompt)
    ranked = [
        (rank, place, prompt)
        for place, members in enumerate(by_category.values())
        for rank, prompt in enumerate(members)
    ]
    chosen = sorted(ranked, key=lambda entry: entry[:2])[:limit]
    return [prompt for _, _, prompt in sorted(chosen, key=lambda entry: (entry[1], entry[0]))]


def draw_study_grid(
    variants: Sequence[Variant],
    confirm: str | None,
    prompts: Sequence[TableRow],
    images: Sequence[TableRow],
    scores: Sequence[TableRow],
    folder: Path,
) -> Image.Image:
    """The screened pictures of some prompts with their first seed, by variant.

    A study of one variant shows more prompts instead, with their words below.

    Args:
        variants: of the study.
        confirm: name of its rival.
        prompts: rows of the screen's prompt table.
        images: rows of the image table, whose folder is `folder`.
        scores: rows of the score table.
        folder: where the picture files are.
    """
    files = {_unit(row): row["file"] for row in images}
    scored = {_unit(row): row for row in scores}

    def cell(variant: Variant, prompt: TableRow) -> GridCell:
        unit = (variant.name, "screen", prompt["prompt_id"], prompt["seeds"][0])
        return _grid_cell(scored[unit], files[unit], folder)

    if len(variants) == 1:
        chosen = grid_prompts(prompts, MAX_GALLERY_PROMPTS)
        return draw_gallery([(p["text"], cell(variants[0], p)) for p in chosen])
    shown = grid_variants(variants, confirm)
    keys, labels = short_labels([variant.name for variant in shown])
    columns = [
        GridColumn(label, variant.is_baseline) for variant, label in zip(shown, labels, strict=True)
    ]
    rows = [
        GridRow(p["category"], p["text"], [cell(variant, p) for variant in shown])
        for p in grid_prompts(prompts, MAX_GRID_PROMPTS)
    ]
    return draw_image_grid(keys, columns, rows)


def draw_study_effect(
    study: Study, variants: Sequence[Variant], summaries: Sequence[Summary]
) -> Figure:
    """The study's main metric when screened: a heat map for two varied settings, else dots."""
    metric = main_metric(summaries) or MAIN_METRICS[0]
    screened = [row for row in summaries if row.phase == "screen"]
    effects = {variant.name: _effect_row(variant, metric, screened) for variant in variants}
    keys = _grid_keys(study, variants)
    if keys:
        cells = [
            HeatCell(_value(variant, keys[0]), _value(variant, keys[1]), effects[variant.name])
            for variant in variants
        ]
        return draw_heat_map(cells, keys[0][1], keys[1][1], axis_label(metric))
    if len(variants) == 1:
        return draw_dots(_category_rows(variants[0], metric, screened), axis_label(metric))
    return draw_dots(list(effects.values()), axis_label(metric))


def _unit(row: TableRow) -> tuple[str, str, str, int]:
    return (row["variant"], row["phase"], row["prompt_id"], row["seed"])


def _grid_cell(score: TableRow, file: str | None, folder: Path) -> GridCell:
    if file is None:
        is_missing = (score["error"] or "").startswith(NOT_AVAILABLE)
        return GridCell(None, NOT_AVAILABLE if is_missing else "failed", "neutral")
    image = Image.fromarray(read_pixels(folder / file))
    if score["alignment"] is not None:
        if score["all_facts"] == 1:
            return GridCell(image, "✓", "good")
        return GridCell(image, f"✗ {score['alignment']:.0%}", "bad")
    lpips = score["lpips"]
    return GridCell(image, "" if lpips is None else f"LPIPS {lpips:.2f}", "neutral")


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
    """A study of one variant compares nothing: its rows are all prompts, then the categories."""
    whole = _effect_row(variant, metric, screened)
    rows = [whole._replace(label="all prompts", by_category={})]
    for row in screened:
        if row.metric == metric and row.category != ALL:
            same = rows[0]._replace(label=row.category, is_baseline=False)
            rows.append(same._replace(mean=row.mean, low=row.low, high=row.high))
    return rows


def _grid_keys(study: Study, variants: Sequence[Variant]) -> tuple[Key, Key] | None:
    """The two keys that a study varies, if these alone tell its variants apart."""
    varied = dict(leaves(study.vary))
    keys = [key for key in KEYS if key in varied and len(varied[key]) > 1]
    if len(keys) != 2:
        return None
    places = {tuple(_value(variant, key) for key in keys) for variant in variants}
    return (keys[0], keys[1]) if len(places) == len(variants) else None


def _value(variant: Variant, key: Key) -> str:
    return word(variant.settings.model_dump()[key[0]][key[1]])


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
