from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from zimage_eval.output.figures import EffectRow, HeatCell, draw_dots, draw_heat_map, save_figure
from zimage_eval.output.image_grids import (
    LARGE_CELL,
    SMALL_CELL,
    GridCell,
    GridColumn,
    GridRow,
    draw_gallery,
    draw_image_grid,
    load_font,
    save_png,
    scale_to_square,
    wrap_text,
)


def effect(label: str, mean: float | None, *, is_baseline: bool = False) -> EffectRow:
    low, high = (None, None) if mean is None else (mean - 0.1, mean + 0.1)
    categories = {} if mean is None else {"object": mean + 0.05, "count": mean - 0.05}
    return EffectRow(label, mean, low, high, is_baseline, None, categories, "not available")


DOTS = [effect("a", 0.5), effect("b", 0.7, is_baseline=True), effect("c", None)]


def texts(figure: Figure) -> list[str]:
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    return found + [t.get_text() for axes in figure.axes for t in axes.get_yticklabels()]


def test_dots_show_every_variant_and_say_what_is_missing() -> None:
    shown = texts(draw_dots(DOTS, "alignment"))
    assert {"a", "b", "c", "not available"} <= set(shown)


def test_dots_are_drawn_without_any_number() -> None:
    draw_dots([effect("a", None)], "alignment")


def test_heat_map_puts_values_in_order_of_size() -> None:
    cells = [
        HeatCell(row, column, effect(f"{row}{column}", 0.5, is_baseline=row == "1.0"))
        for row, column in (("1.0", "16"), ("1.0", "4"), ("10.0", "4"), ("2.5", "50"))
    ]
    figure = draw_heat_map(cells, "shift", "num_inference_steps", "alignment")
    axes = figure.axes[0]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["4", "16", "50"]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["1.0", "2.5", "10.0"]
    assert [t.get_text() for t in axes.texts].count("0.50") == 4


def test_heat_map_is_drawn_without_any_number() -> None:
    draw_heat_map([HeatCell("1", "2", effect("x", None))], "a", "b", "alignment")


def test_figures_are_the_same_bytes_again_and_carry_no_metadata(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_figure(draw_dots(DOTS, "alignment"), tmp_path / f"{name}.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as picture:
        assert set(picture.info) <= {"dpi"}


def picture(side: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_small_pictures_grow_by_whole_factors_without_blur() -> None:
    small = picture(64)
    grown = scale_to_square(small, LARGE_CELL)
    assert grown.size == (192, 192)
    assert np.array_equal(np.asarray(grown)[1::3, 1::3], np.asarray(small))
    assert scale_to_square(picture(80), LARGE_CELL).size == (160, 160)
    assert scale_to_square(picture(1024), LARGE_CELL).size == (192, 192)


def test_grid_holds_every_picture_and_survives_missing_ones(tmp_path: Path) -> None:
    columns = [GridColumn((str(i),), is_baseline=i == 1) for i in range(3)]
    cells = [
        GridCell(picture(64), "✓", "good"),
        GridCell(None, "failed", "neutral"),
        GridCell(picture(64), "✗ 50%", "bad"),
    ]
    rows = [GridRow("object", "a red star " * 30, cells)] * 2
    grid = draw_image_grid(("hidden_layer",), columns, rows)
    save_png(grid, tmp_path / "a.png")
    save_png(draw_image_grid(("hidden_layer",), columns, rows), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    pixels = np.asarray(grid)
    shown = np.asarray(scale_to_square(cells[0].image or picture(1), LARGE_CELL))
    places = [
        (y, x)
        for y in range(pixels.shape[0] - LARGE_CELL)
        for x in range(pixels.shape[1] - LARGE_CELL)
        if np.array_equal(pixels[y, x : x + 8], shown[0, :8])
        and np.array_equal(pixels[y : y + LARGE_CELL, x : x + LARGE_CELL], shown)
    ]
    assert len(places) == 4


@pytest.mark.parametrize(("num_columns", "cell"), [(6, LARGE_CELL), (12, SMALL_CELL)])
def test_wide_grids_have_smaller_pictures(num_columns: int, cell: int) -> None:
    columns = [GridColumn((str(i),), is_baseline=False) for i in range(num_columns)]
    rows = [GridRow("object", "a star", [GridCell(None, "failed", "neutral")] * num_columns)]
    grid = draw_image_grid((), columns, rows)
    assert num_columns * cell < grid.width < num_columns * (cell + 50) + 350


def test_gallery_takes_any_number_of_pictures() -> None:
    items = [("a red star", GridCell(picture(64), "✓", "good"))] * 7
    assert draw_gallery(items).height > draw_gallery(items[:6]).height > LARGE_CELL


def test_text_is_wrapped_to_its_width() -> None:
    lines = wrap_text("a red star left of a blue ring on a beige background", load_font(15), 120, 3)
    assert len(lines) == 3 and lines[-1].endswith("...")
    assert all(load_font(15).getlength(line) <= 120 for line in lines)
    assert wrap_text("short", load_font(15), 120, 3) == ["short"]
    assert all(
        load_font(15).getlength(line) <= 60 for line in wrap_text("x" * 40, load_font(15), 60, 2)
    )
