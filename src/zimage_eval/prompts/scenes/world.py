"""The world that the model nano was trained on: pictures of one to three drawn objects.

A `Scene` is everything that decides a picture: `drawing` draws it, `captions` describes it in words
and `checking` reads its facts from a picture.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

RGB = tuple[int, int, int]
Offset = TypeVar("Offset", float, NDArray[np.int64])

SHAPES: Final = ("circle", "square", "triangle", "diamond", "star", "cross", "ring", "heart")
LETTERS: Final = ("H", "L", "T", "U")
NAMES: Final = SHAPES + LETTERS

COLORS: Final[dict[str, RGB]] = {
    "red": (220, 40, 40),
    "orange": (245, 140, 30),
    "yellow": (245, 225, 60),
    "lime": (160, 230, 60),
    "green": (40, 150, 60),
    "cyan": (60, 200, 220),
    "blue": (40, 80, 220),
    "purple": (140, 60, 190),
    "pink": (255, 110, 180),
    "brown": (125, 70, 30),
}
BACKGROUNDS: Final[dict[str, RGB]] = {
    "white": (245, 245, 245),
    "black": (15, 15, 15),
    "gray": (128, 128, 128),
    "beige": (222, 200, 165),
    "mint": (190, 235, 210),
}
SIZES: Final[dict[str, int]] = {"small": 8, "large": 11}
"""Radius of the circle around an object, px. Smaller strokes would not survive the autoencoder."""
FILLS: Final = ("solid", "striped")
STRIPE_HEIGHT: Final = 3
"""Height of a band, px: full color and shade alternate, counted from the object's center."""
STRIPE_SHADE: Final = 0.6
"""Factor on the color in a shaded band."""
STYLES: Final = ("plain", "framed", "dotted")
FRAME_WIDTH: Final = 3
DOT_SPACING: Final = 8
DOT_SIZE: Final = 3
DOT_CONTRAST: Final = 30
"""Levels by which a dot differs from its background: visible, but too little for an object."""

POSITIONS: Final[dict[str, tuple[float, float]]] = {
    "left": (0.24, 0.5),
    "right": (0.76, 0.5),
    "top": (0.5, 0.24),
    "bottom": (0.5, 0.76),
    "center": (0.5, 0.5),
}
"""Anchor of each position as a share of (width, height)."""
RELATIONS: Final = ("left_of", "right_of", "above", "below")

MAX_OBJECTS: Final = 3
MAX_FOUND_OBJECTS: Final = 6
"""That are told apart when a picture is read: of more, only the largest are looked at."""
MARGIN: Final = FRAME_WIDTH + 1
"""Free pixels between an object and the picture's edge."""
GAP: Final = 3
"""Free pixels between two objects, so that they are two connected components."""


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One drawn object."""

    name: str
    color: str
    size: str
    fill: str
    x: int
    """Column of the center, px."""
    y: int
    """Row of the center, px."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that decides a picture."""

    objects: tuple[SceneObject, ...]
    background: str
    style: str
    height: int
    width: int


def relation_axes(dx: Offset, dy: Offset) -> dict[str, tuple[Offset, Offset]]:
    """An offset from another object, split along and across the axis of each relation.

    Args:
        dx: to the right, px.
        dy: downwards, px.

    Returns:
        Relation -> (offset along its axis, above 0 where the relation holds; offset across it).
    """
    return {
        "left_of": (-dx, dy),
        "right_of": (dx, dy),
        "above": (-dy, dx),
        "below": (dy, dx),
    }


def stands_in_relation(
    subject: tuple[float, float], relation: str, landmark: tuple[float, float], distance: float
) -> bool:
    """Whether `subject` stands in `relation` to `landmark`, by their centers `(x, y)`.

    The offset along the relation's axis must be at least `distance` px and not the smaller of the
    two offsets: an object far above and slightly left is above, not left.
    """
    dx, dy = subject[0] - landmark[0], subject[1] - landmark[1]
    along, across = relation_axes(dx, dy)[relation]
    return along >= distance and along >= abs(across)


def nearest_position(x: float, y: float, width: int, height: int) -> str | None:
    """The position whose anchor is nearest to a center `(x, y)`; None where a corner is nearer."""
    corners = {(a, b) for a in (0.24, 0.76) for b in (0.24, 0.76)}
    anchors: dict[tuple[float, float], str | None] = dict.fromkeys(corners)
    anchors |= {anchor: name for name, anchor in POSITIONS.items()}
    nearest = min(anchors, key=lambda a: (a[0] - x / width) ** 2 + (a[1] - y / height) ** 2)
    return anchors[nearest]
