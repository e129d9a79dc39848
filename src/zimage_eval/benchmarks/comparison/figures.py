"""Figures of the comparison: what each model scores at what, how far its pictures are, examples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from zimage_eval.benchmarks.comparison.prompts import AskedPrompt
from zimage_eval.config.kinds import FACT_KINDS
from zimage_eval.output.figures import CATEGORY_STYLES, FAINT, INK, WIDTH_INCHES, style_rows
from zimage_eval.output.image_grids import GridCell, GridColumn, GridRow, draw_image_grid
from zimage_eval.output.png import read_pixels
from zimage_eval.output.results import NumberRow

CAPABILITY_LABELS: Final[Mapping[str, str]] = {
    "counting": "counting",
    "relations": "relations",
    "attribute_binding": "binding colors",
    "text_rendering": "letters",
    "word_rendering": "two letters in order",
    "reasoning": "hinted at (reasoning)",
    "reasoning_stated": "the same, stated",
}


class DotRow(NamedTuple):
    """A number of every model."""

    label: str
    row: str
    """Of the results, with `{}` for the model."""
    metric: str


def share_rows(rows: Mapping[str, NumberRow], models: Sequence[str]) -> list[DotRow]:
    """The shares that are drawn, in their order: those that some model has."""
    wanted = [
        DotRow("alignment", "{}", "alignment"),
        DotRow("all facts", "{}", "all_facts"),
        *(DotRow(f"facts of {kind}", "{}", f"fact_{kind}") for kind in FACT_KINDS),
        DotRow("style words", "{}", "style_coverage"),
        *(DotRow(label, "{}/capabilities", key) for key, label in CAPABILITY_LABELS.items()),
        DotRow("by another prompt", "{}, swapped prompts", "alignment"),
    ]
    return [
        each
        for each in wanted
        if any(rows.get(each.row.format(m), {}).get(each.metric) is not None for m in models)
    ]


def share_dots(rows: Mapping[str, NumberRow], models: Sequence[str]) -> Figure:
    """A line a capability, a dot with its 95 % interval a model."""
    wanted = share_rows(rows, models)
    with matplotlib.style.context("default"):
        height = 1.2 + len(wanted) * (0.2 + 0.13 * len(models))
        figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
        axes = figure.add_subplot()
        for index, model in enumerate(models):
            for y, each in enumerate(wanted):
                numbers = rows.get(each.row.format(model), {})
                _dot(axes, numbers, each.metric, y + _offset(index, len(models)), index)
        axes.set_yticks(range(len(wanted)), [each.label for each in wanted], fontsize=11)
        axes.set_ylim(len(wanted) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share that is right (95 % interval over prompts)", fontsize=11)
        style_rows(axes)
        _legend(figure, models)
        return figure


def distance_dots(rows: Mapping[str, NumberRow], models: Sequence[str]) -> Figure:
    """A field for each distance to the reference, for diversity and for cost, a line a model."""
    first = rows[models[0]]
    distances = [name for name in first if f"{name}_null" in first and first[name] is not None]
    fields = [*sorted(distances), "seed_diversity", "expected_forwards"]
    shown = [name for name in fields if any(rows[m].get(name) is not None for m in models)]
    with matplotlib.style.context("default"):
        size = (WIDTH_INCHES, len(shown) * (0.75 + 0.28 * len(models)))
        figure = Figure(figsize=size, layout="constrained")
        for axes, name in zip(figure.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True):
            for y, model in enumerate(models):
                _dot(axes, rows[model], name, y, y)
                null = rows[model].get(f"{name}_null_high")
                if null is not None:
                    axes.plot([null, null], [y - 0.4, y + 0.4], color=FAINT, linestyle=":")
            axes.set_yticks(range(len(models)), models, fontsize=11)
            axes.set_ylim(len(models) - 0.5, -0.5)
            axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
            axes.set_xlabel(_field_label(name), fontsize=10)
            style_rows(axes)
        return figure


def example_grid(
    prompts: Sequence[AskedPrompt], models: Mapping[str, Path], titles: Mapping[str, str]
) -> Image.Image:
    """A row a prompt, a column a model: the picture of the prompt's first seed.

    Args:
        prompts: that are shown.
        models: folder of each model's pictures, by its name.
        titles: of the models, by name.
    """
    columns = [GridColumn((titles[name],), is_baseline=False) for name in models]
    rows = []
    for prompt in prompts:
        file = f"{prompt.prompt_id.replace('/', '_')}-{prompt.seeds[0]}.png"
        cells = [_cell(folder / name / file) for name, folder in models.items()]
        said = prompt.text if prompt.plan is None else f"{prompt.text} [plan: {prompt.plan}]"
        rows.append(GridRow(prompt.category, said, cells))
    return draw_image_grid(("model",), columns, rows)


def _cell(path: Path) -> GridCell:
    if not path.is_file():
        return GridCell(None, "not available", "neutral")
    return GridCell(Image.fromarray(read_pixels(path)), "", "neutral")


def _dot(axes: Axes, numbers: NumberRow, metric: str, y: float, index: int) -> None:
    value, low, high = (numbers.get(f"{metric}{end}") for end in ("", "_low", "_high"))
    if value is None:
        return
    color, marker = CATEGORY_STYLES[index % len(CATEGORY_STYLES)]
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=color, linewidth=2)
    axes.plot(value, y, marker, color=color, markeredgecolor=INK, markersize=7, zorder=3)


def _field_label(name: str) -> str:
    if name == "expected_forwards":
        return "transformer forwards per image"
    if name == "seed_diversity":
        return "LPIPS between two seeds of a prompt (95 % interval over prompts)"
    return f"{name} to the reference (95 % interval over prompts; dotted: 95 % of the null)"


def _offset(index: int, number: int) -> float:
    return 0.5 * (index - (number - 1) / 2) / max(1, number - 1) if number > 1 else 0.0


def _legend(figure: Figure, models: Sequence[str]) -> None:
    handles = []
    for index, model in enumerate(models):
        color, marker = CATEGORY_STYLES[index % len(CATEGORY_STYLES)]
        handle = Line2D([], [], linestyle="", label=model, color=color, marker=marker)
        handle.set_markeredgecolor(INK)
        handles.append(handle)
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=10)
