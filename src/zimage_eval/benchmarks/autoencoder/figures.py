"""Figures of the autoencoder's round trip: a grid of pictures, and PSNR by kind of content."""

from collections.abc import Sequence

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from zimage_eval.benchmarks.autoencoder.pictures import RoundtripPicture
from zimage_eval.benchmarks.autoencoder.results import kind_estimate
from zimage_eval.metrics.image import psnr
from zimage_eval.output.figures import draw_dots, plain_row
from zimage_eval.output.image_grids import GridCell, GridColumn, GridRow, draw_image_grid
from zimage_eval.output.observations import Measurement

DIFFERENCE_GAIN = 8


def roundtrip_grid(
    shown: Sequence[tuple[RoundtripPicture, Tensor, Tensor]], headers: tuple[str, str], gain: int
) -> Image.Image:
    """Draw a row per picture: two versions of it, and `gain` times their difference on gray.

    Args:
        shown: each picture with its two versions, `(3, height, width)` uint8.
        headers: column heads of the two versions.
        gain: factor of the difference.
    """
    columns = [
        GridColumn((words,), is_baseline=False) for words in (*headers, f"difference x {gain}")
    ]
    rows = [
        GridRow(
            picture.kind,
            picture.unit,
            (
                GridCell(_image(first), "", "neutral"),
                GridCell(_image(second), _decibels(second, first), "neutral"),
                GridCell(_image(amplify_difference(second, first, gain)), "", "neutral"),
            ),
        )
        for picture, first, second in shown
    ]
    return draw_image_grid(("picture",), columns, rows)


def amplify_difference(image: Tensor, reference: Tensor, gain: int) -> Tensor:
    """`gain` times the difference of two uint8 pictures, added to middle gray; uint8."""
    difference = (image.float() - reference.float()) * gain + 128
    return difference.round().clamp(0, 255).to(torch.uint8)


def psnr_dots(observations: Sequence[Measurement], variant: str) -> Figure:
    """Draw the mean PSNR of each kind of content with its interval."""
    kinds = sorted({row.category for row in observations if row.variant == variant}, key=_order)
    rows = [
        plain_row(kind, kind_estimate(observations, variant, kind, "psnr"), "no finite PSNR")
        for kind in kinds
    ]
    return draw_dots(rows, "PSNR of the round trip in dB (95 % interval over pictures)")


def _order(kind: str) -> tuple[str, int]:
    """Sort key: pictures before text, text by its size in pixels."""
    name, _, size = kind.partition("_")
    return (name, int(size.removesuffix("px"))) if name == "text" else (f" {kind}", 0)


def _decibels(image: Tensor, reference: Tensor) -> str:
    value = psnr(image.permute(1, 2, 0).numpy(), reference.permute(1, 2, 0).numpy())
    return "identical" if value is None else f"{value:.1f} dB"


def _image(picture: Tensor) -> Image.Image:
    return Image.fromarray(picture.permute(1, 2, 0).contiguous().numpy())
