"""Numbers as the report prints them, and the Markdown tables of a study."""

import re
from collections.abc import Iterable, Mapping, Sequence

from zimage_eval.config.metrics import METRICS
from zimage_eval.config.variants import Variant
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.studies.summaries import ALL, COVERAGE, NOT_AVAILABLE, Summary, excludes_zero

MISSING = "\N{EN DASH}"
WITH_INTERVAL = ("alignment",)
WITHOUT_NUMBER = (MISSING, NOT_AVAILABLE, "identical")
"""Texts that stand in a column of numbers in place of a number."""
_NUMBER = re.compile(r"\**[+\N{MINUS SIGN}-]?\d")
CHANCE = "*chance: judged by another prompt*"
"""The row of a table in which the baseline's pictures are judged by other prompts' texts."""
ARROWS = {"higher": "\N{NO-BREAK SPACE}↑", "lower": "\N{NO-BREAK SPACE}↓", None: ""}

Index = Mapping[tuple[str, str, str], Summary]
"""Rows of the screening phase by variant, metric and category."""


def index_screened(summaries: Iterable[Summary]) -> dict[tuple[str, str, str], Summary]:
    """The rows of the screening phase by variant, metric and category."""
    return {
        (row.variant, row.metric, row.category): row for row in summaries if row.phase == "screen"
    }


def show(value: float | None, decimals: int, *, signed: bool = False) -> str:
    """A number with a typographic minus sign; a dash if it is None."""
    if value is None:
        return MISSING
    text = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
    if not text.strip("+-0.,"):
        text = text.lstrip("+-")  # a rounded zero has no sign
    return text.replace("-", "\N{MINUS SIGN}")


def show_interval(
    value: float | None,
    low: float | None,
    high: float | None,
    decimals: int,
    *,
    signed: bool = False,
) -> str:
    """A number and its interval: 0.93 [0.90, 0.96]."""
    shown = show(value, decimals, signed=signed)
    if low is None or high is None:
        return shown
    return f"{shown} [{show(low, decimals, signed=signed)}, {show(high, decimals, signed=signed)}]"


def show_mean(row: Summary) -> str:
    """The mean of a summary and its interval."""
    return show_interval(row.mean, row.low, row.high, METRICS[row.metric].decimals)


def show_contrast(row: Summary) -> str:
    """A summary's comparison with the baseline: a distance, or a signed difference.

    A star marks a difference whose interval excludes 0, because rounding may hide this.
    """
    info = METRICS[row.metric]
    if info.is_paired:
        return show_mean(row)
    values = (row.difference, row.difference_low, row.difference_high)
    return show_interval(*values, info.decimals, signed=True) + (
        "\N{NO-BREAK SPACE}\\*" if excludes_zero(row) else ""
    )


def column_title(metric: str) -> str:
    """The head of a metric's column: its name, unit, and an arrow to the better end."""
    info = METRICS[metric]
    unit = f" ({info.unit})" if info.unit in ("dB",) else ""
    name = metric.removeprefix("num_").removeprefix("fact_").replace("_", " ")
    return f"{name}{unit}{ARROWS[info.better]}"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; columns of numbers are aligned to the right, all others to the left."""
    body = [list(row) for row in rows]
    columns = range(len(head))
    sides = ["---:" if column and _is_numeric(body, column) else "---" for column in columns]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, sides, *body))


def _is_numeric(body: Sequence[Sequence[str]], index: int) -> bool:
    """Whether a column holds numbers only; cells without a number are not counted."""
    cells = [row[index] for row in body if row[index] not in ("", *WITHOUT_NUMBER)]
    return all(_NUMBER.match(cell) for cell in cells)


def variant_cell(variant: Variant) -> str:
    """A variant's name in Markdown; the baseline is bold."""
    if not variant.is_baseline:
        return f"`{variant.name}`"
    return f"**`{variant.name}`**" + ("" if variant.name == "baseline" else " (baseline)")


def main_table(variants: Sequence[Variant], index: Index) -> str:
    """A row per variant, a column per main metric that the study has, over all prompts.

    If any image is missing, coverage is a column too.
    """
    columns = [
        name
        for name, metric in METRICS.items()
        if metric.in_main_table and _is_known(variants, name, index)
    ]
    contrasted = [m for m in columns if m in WITH_INTERVAL and len(variants) > 1]
    head = ["variant"]
    for metric in columns:
        head.append(column_title(metric))
        head += ["difference"] if metric in contrasted else []
    rows = []
    for variant in variants:
        cells = [variant_cell(variant)]
        for metric in columns:
            row = index[variant.name, metric, ALL]
            cells.append(_main_cell(row, index[variant.name, "identical", ALL]))
            cells += [show_contrast(row)] if metric in contrasted else []
        rows.append(cells)
    chance = _chance_cells(columns, contrasted, index)
    coverages = [index[variant.name, COVERAGE, ALL] for variant in variants]
    if any(row.mean != 1 for row in coverages):
        head.append(COVERAGE)
        rows = [[*cells, _coverage_cell(row)] for cells, row in zip(rows, coverages, strict=True)]
        chance = [[*cells, MISSING] for cells in chance]
    return markdown_table(head, [*rows, *chance])


def metric_table(variants: Sequence[Variant], metric: str, index: Index) -> str:
    """One metric of every variant over all prompts, and its difference to the baseline."""
    rows = []
    for variant in variants:
        row = index.get((variant.name, metric, ALL))
        difference = show_contrast(row) if row and not variant.is_baseline else MISSING
        rows.append([variant_cell(variant), show_mean(row) if row else MISSING, difference])
    if row := index.get((SWAPPED_PROMPTS, metric, ALL)):
        rows.append([CHANCE, show_mean(row), show_contrast(row)])
    return markdown_table(["variant", column_title(metric), "difference"], rows)


def category_table(variants: Sequence[Variant], metric: str, index: Index) -> str:
    """One metric: a row per variant, a column per category of prompts."""
    categories = sorted({category for _, name, category in index if name == metric} - {ALL})
    rows = []
    for variant in variants:
        summaries = [index.get((variant.name, metric, category)) for category in categories]
        rows.append(
            [
                variant_cell(variant),
                *(show_mean(summary) if summary else MISSING for summary in summaries),
            ]
        )
    chance = [index.get((SWAPPED_PROMPTS, metric, category)) for category in categories]
    if any(chance):
        rows.append([CHANCE, *(show_mean(row) if row else MISSING for row in chance)])
    return markdown_table(["variant", *categories], rows)


def detail_table(variants: Sequence[Variant], index: Index) -> str:
    """A row per variant, a column per metric that `main_table` leaves out, over all prompts."""
    columns = [
        name
        for name, metric in METRICS.items()
        if not metric.in_main_table and _is_known(variants, name, index)
    ]
    rows = []
    for variant in variants:
        means = [index[variant.name, metric, ALL].mean for metric in columns]
        shown = [show(mean, METRICS[m].decimals) for m, mean in zip(columns, means, strict=True)]
        rows.append([variant_cell(variant), *shown])
    return markdown_table(["variant", *map(column_title, columns)], rows)


def _chance_cells(
    columns: Sequence[str], contrasted: Sequence[str], index: Index
) -> list[list[str]]:
    """One row, or none where nobody judged."""
    if not any((SWAPPED_PROMPTS, metric, ALL) in index for metric in columns):
        return []
    cells = [CHANCE]
    for metric in columns:
        row = index.get((SWAPPED_PROMPTS, metric, ALL))
        cells.append(show_mean(row) if row else MISSING)
        if metric in contrasted:
            cells.append(show_contrast(row) if row else MISSING)
    return [cells]


def _coverage_cell(row: Summary) -> str:
    """The share of images that were made, or "not available" if the model lacks the settings."""
    return NOT_AVAILABLE if row.mean is None else show(row.mean, 2)


def _main_cell(row: Summary, identical: Summary) -> str:
    if row.metric in WITH_INTERVAL:
        return show_mean(row)
    if (
        row.metric == "psnr" and identical.mean
    ):  # identical pictures have no PSNR; the mean is over the rest
        return "identical" if row.mean is None else f"{show(row.mean, 1)} (n = {row.num_prompts})"
    return show(row.mean, METRICS[row.metric].decimals)


def _is_known(variants: Sequence[Variant], metric: str, index: Index) -> bool:
    rows = [index.get((variant.name, metric, ALL)) for variant in variants]
    return any(row is not None and row.mean is not None for row in rows)
