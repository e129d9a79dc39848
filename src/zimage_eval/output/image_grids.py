"""Grids of pictures: a row for each prompt, a column for each variant, scores underneath."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import matplotlib
from PIL import Image, ImageDraw, ImageFont

INK, FAINT, PAPER, EMPTY = "#1a1a1a", "#666666", "#ffffff", "#e6e6e6"
BLUE, VERMILION = "#0072b2", "#d55e00"  # distinguishable with any color vision (Okabe and Ito 2008)
TONES = {"good": BLUE, "bad": VERMILION, "neutral": FAINT}

SMALL_CELL, LARGE_CELL = 128, 192
"""Side of a picture in pixels: in a grid of many columns, and in one of at most six."""
GALLERY_COLUMNS, GALLERY_LINES = 6, 4
GAP = 8
READING_WIDTH = 900
"""Page width in pixels at which the smallest text must still be readable."""


class GridColumn(NamedTuple):
    """The header of a column: a variant."""

    lines: Sequence[str]
    is_baseline: bool


class GridCell(NamedTuple):
    """A picture and the short caption under it."""

    image: Image.Image | None
    """None draws an empty field with the caption in it."""
    caption: str
    tone: Literal["good", "bad", "neutral"]


class GridRow(NamedTuple):
    """A prompt and its pictures, one for each column."""

    category: str
    text: str
    cells: Sequence[GridCell]


class _Layout(NamedTuple):
    cell: int
    text_size: int
    line_height: int
    label_width: int
    header_height: int
    row_height: int
    width: int


def draw_image_grid(
    corner: Sequence[str], columns: Sequence[GridColumn], rows: Sequence[GridRow]
) -> Image.Image:
    """The grid as one RGB picture.

    Args:
        corner: what each line of the column headers means; written above the prompts.
        columns: headers, from left to right.
        rows: each with as many cells as there are columns.
    """
    layout = _lay_out(corner, columns)
    height = layout.header_height + len(rows) * layout.row_height + GAP
    canvas = Image.new("RGB", (layout.width, height), PAPER)
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(corner):
        place = (GAP, GAP + layout.line_height * (number + 1))
        draw.text(place, line, FAINT, load_font(round(layout.text_size * 0.85)))
    for index, column in enumerate(columns):
        _draw_header(draw, _column_x(index, layout), column, layout, height)
    for index, row in enumerate(rows):
        _draw_row(canvas, draw, layout.header_height + index * layout.row_height, row, layout)
    return canvas


def draw_gallery(items: Sequence[tuple[str, GridCell]]) -> Image.Image:
    """One RGB picture of (prompt, cell) pairs in rows of six, each with its prompt below."""
    columns = [GridColumn((), is_baseline=False) for _ in items[:GALLERY_COLUMNS]]
    layout = _lay_out((), columns)
    width = layout.width - layout.label_width
    layout = layout._replace(label_width=0)
    text_font = load_font(round(layout.text_size * 0.85))
    line_height = round(layout.line_height * 0.85)
    row_height = layout.row_height + GALLERY_LINES * line_height + GAP
    num_rows = -(-len(items) // GALLERY_COLUMNS)
    canvas = Image.new("RGB", (width, GAP + num_rows * row_height), PAPER)
    draw = ImageDraw.Draw(canvas)
    for index, (text, cell) in enumerate(items):
        row, column = divmod(index, GALLERY_COLUMNS)
        x, top = _column_x(column, layout), GAP + row * row_height
        _draw_cell(canvas, draw, (x, top), cell, layout)
        lines = wrap_text(text, text_font, layout.cell, GALLERY_LINES)
        y = top + layout.cell + round(line_height * 1.3)
        for number, line in enumerate(lines):
            draw.text((x, y + number * line_height), line, INK, text_font)
    return canvas


def save_png(image: Image.Image, path: Path) -> None:
    """Write a PNG whose bytes depend on the pixels alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, format="PNG", compress_level=9)


def scale_to_square(picture: Image.Image, side: int) -> Image.Image:
    """The picture scaled to fit into a square of `side` pixels, its proportions kept.

    A smaller picture is enlarged by a whole factor without blur.
    """
    longest = max(picture.size)
    if longest <= side:
        factor = side // longest
        size = (picture.width * factor, picture.height * factor)
        return picture.resize(size, Image.Resampling.NEAREST)
    size = (picture.width * side // longest, picture.height * side // longest)
    return picture.resize(size, Image.Resampling.LANCZOS)


def wrap_text(text: str, font: ImageFont.FreeTypeFont, width: int, max_lines: int) -> list[str]:
    """At most `max_lines` lines no wider than `width` pixels; where text is cut, "..." stands."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    is_cut = len(lines) > max_lines
    lines = lines[:max_lines]
    for index, line in enumerate(lines):
        end = " ..." if is_cut and index == max_lines - 1 else ""
        while line and font.getlength(line + end) > width:
            line, end = line[:-1].rstrip(), " ..."
        lines[index] = line + end
    return lines


@cache
def load_font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans of `size` px as matplotlib ships it: every machine draws the same letters."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", name)
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _lay_out(corner: Sequence[str], columns: Sequence[GridColumn]) -> _Layout:
    cell = LARGE_CELL if len(columns) <= 6 else SMALL_CELL
    # Text grows with the grid, because the page shrinks a wide grid to its own width.
    estimated_width = len(columns) * (cell + GAP) * 1.25
    text_size = max(15, round(estimated_width / READING_WIDTH * 13))
    line_height = round(text_size * 1.3)
    label_width = text_size * 13
    num_lines = max([len(corner), *(len(column.lines) for column in columns)])
    return _Layout(
        cell=cell,
        text_size=text_size,
        line_height=line_height,
        label_width=label_width,
        header_height=GAP * 2 + line_height * (num_lines + 1),
        row_height=cell + line_height + GAP * 2,
        width=GAP * 2 + label_width + len(columns) * (cell + GAP),
    )


def _column_x(index: int, layout: _Layout) -> int:
    return GAP + layout.label_width + index * (layout.cell + GAP)


def _draw_header(
    draw: ImageDraw.ImageDraw, x: int, column: GridColumn, layout: _Layout, height: int
) -> None:
    if column.is_baseline:
        frame = (x - GAP // 2, GAP // 2, x + layout.cell + GAP // 2 - 1, height - GAP // 2)
        draw.rounded_rectangle(frame, radius=GAP, outline=BLUE, width=3)
        label_font = load_font(round(layout.text_size * 0.85), bold=True)
        center = (x + layout.cell // 2, GAP + layout.line_height // 2)
        draw.text(center, "baseline", BLUE, label_font, anchor="mm")
    for number, line in enumerate(column.lines):
        y = GAP + layout.line_height * (number + 1)
        place = (x + layout.cell // 2, y + layout.line_height // 2)
        draw.text(place, line, INK, _fitting_font(line, layout), anchor="mm")


def _fitting_font(line: str, layout: _Layout) -> ImageFont.FreeTypeFont:
    width = load_font(layout.text_size, bold=True).getlength(line)
    size = layout.text_size * min(1.0, layout.cell / width) if width else layout.text_size
    return load_font(int(size), bold=True)


def _draw_row(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, top: int, row: GridRow, layout: _Layout
) -> None:
    text_font = load_font(round(layout.text_size * 0.85))
    draw.text((GAP, top), row.category, FAINT, text_font)
    line_height = round(layout.line_height * 0.85)
    max_lines = max(1, layout.cell // line_height - 1)
    lines = wrap_text(row.text, text_font, layout.label_width - GAP * 2, max_lines)
    for number, line in enumerate(lines):
        draw.text((GAP, top + line_height * (number + 1)), line, INK, text_font)
    for index, cell in enumerate(row.cells):
        _draw_cell(canvas, draw, (_column_x(index, layout), top), cell, layout)


def _draw_cell(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    cell: GridCell,
    layout: _Layout,
) -> None:
    left, top = place
    middle = left + layout.cell // 2
    caption_font = load_font(round(layout.text_size * 0.85))
    if cell.image is None:
        draw.rectangle((left, top, left + layout.cell - 1, top + layout.cell - 1), fill=EMPTY)
        lines = wrap_text(cell.caption, caption_font, layout.cell - GAP, max_lines=3)
        center = (middle, top + layout.cell // 2)
        draw.multiline_text(
            center, "\n".join(lines), TONES[cell.tone], caption_font, anchor="mm", align="center"
        )
        return
    picture = scale_to_square(cell.image, layout.cell)
    inset = ((layout.cell - picture.width) // 2, (layout.cell - picture.height) // 2)
    canvas.paste(picture, (left + inset[0], top + inset[1]))
    below = (middle, top + layout.cell + layout.line_height // 2 + 2)
    draw.text(below, cell.caption, TONES[cell.tone], caption_font, anchor="mm")
