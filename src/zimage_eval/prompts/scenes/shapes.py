"""Silhouettes of the scenes' objects: an anti-aliased mask for each name and size."""

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from zimage_eval.prompts.scenes.world import NAMES, SIZES

MASK_SIDE: Final = 2 * max(SIZES.values()) + 5
"""Side of a mask in px; odd, so that an object has a center pixel."""
_OVERSAMPLING: Final = 8

Point = tuple[float, float]


def _regular_polygon(num_points: int, radius: float, start_degrees: float = -90.0) -> list[Point]:
    angles = np.deg2rad(start_degrees + 360.0 * np.arange(num_points) / num_points)
    return [(float(radius * np.cos(a)), float(radius * np.sin(a))) for a in angles]


def _star() -> list[Point]:
    outer_points, inner_points = _regular_polygon(5, 1.12), _regular_polygon(5, 0.45, -54.0)
    return [point for pair in zip(outer_points, inner_points, strict=True) for point in pair]


def _heart() -> list[Point]:
    t = np.linspace(0, 2 * np.pi, 96)
    x = 16 * np.sin(t) ** 3
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return [(float(a) / 16.0, float(-b - 1.5) / 15.0) for a, b in zip(x, y, strict=True)]


def _rectangle(left: float, top: float, right: float, bottom: float) -> list[Point]:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


# Unions of polygons in the unit circle, y downwards. Strokes of a letter are 3 px wide or more.
_POLYGONS: Final[dict[str, list[list[Point]]]] = {
    "circle": [_regular_polygon(96, 0.96)],
    "square": [_rectangle(-0.8, -0.8, 0.8, 0.8)],
    "triangle": [[(0.0, -1.0), (1.0, 0.8), (-1.0, 0.8)]],
    "diamond": [[(0.0, -1.1), (0.72, 0.0), (0.0, 1.1), (-0.72, 0.0)]],
    "star": [_star()],
    "cross": [_rectangle(-0.3, -1.0, 0.3, 1.0), _rectangle(-1.0, -0.3, 1.0, 0.3)],
    "ring": [_regular_polygon(96, 1.0)],
    "heart": [_heart()],
    "H": [
        _rectangle(-0.8, -1.0, -0.34, 1.0),
        _rectangle(0.34, -1.0, 0.8, 1.0),
        _rectangle(-0.8, -0.23, 0.8, 0.23),
    ],
    "L": [_rectangle(-0.7, -1.0, -0.22, 1.0), _rectangle(-0.7, 0.52, 0.75, 1.0)],
    "T": [_rectangle(-0.85, -1.0, 0.85, -0.52), _rectangle(-0.24, -1.0, 0.24, 1.0)],
    "U": [
        _rectangle(-0.8, -1.0, -0.34, 1.0),
        _rectangle(0.34, -1.0, 0.8, 1.0),
        _rectangle(-0.8, 0.54, 0.8, 1.0),
    ],
}
_HOLES: Final[dict[str, list[Point]]] = {"ring": _regular_polygon(96, 0.5)}


def _draw_mask(name: str, radius: int) -> NDArray[np.float32]:
    scale = _OVERSAMPLING
    canvas = Image.new("L", (MASK_SIDE * scale, MASK_SIDE * scale))
    draw = ImageDraw.Draw(canvas)
    center = MASK_SIDE * scale / 2
    for polygons, value in ((_POLYGONS[name], 255), ([_HOLES[name]] if name in _HOLES else [], 0)):
        for polygon in polygons:
            pixels = [
                (center + radius * scale * x, center + radius * scale * y) for x, y in polygon
            ]
            draw.polygon(pixels, fill=value)
    fine = np.asarray(canvas, dtype=np.float32) / 255.0
    return fine.reshape(MASK_SIDE, scale, MASK_SIDE, scale).mean(axis=(1, 3))


@cache
def object_masks() -> NDArray[np.float32]:
    """Coverage in [0, 1] of each name and size: `(num_names, num_sizes, MASK_SIDE, MASK_SIDE)`."""
    masks = np.stack([[_draw_mask(name, r) for r in SIZES.values()] for name in NAMES])
    masks.setflags(write=False)
    return masks
