"""Random scenes, laid out so that objects neither touch each other nor leave the picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from zimage_eval.prompts.scenes.world import (
    BACKGROUNDS,
    COLORS,
    FILLS,
    GAP,
    MARGIN,
    MAX_OBJECTS,
    NAMES,
    POSITIONS,
    RELATIONS,
    SIZES,
    Scene,
    SceneObject,
    relation_axes,
)

Category = Literal["object", "relation", "count", "composition"]
CATEGORIES: Final[tuple[Category, ...]] = ("object", "relation", "count", "composition")
RELATION_DISTANCE: Final = 16
"""Least offset between two related centers, px, so that the relation is clear to everybody."""
_POSITION_JITTER: Final = 3
_MAX_ROUNDS: Final = 400


@dataclass(frozen=True, slots=True)
class SceneMix:
    """How often random scenes have each attribute; shares are in [0, 1]."""

    category: dict[Category, float]
    relation: float
    """Share of the scenes of two or three objects that are laid out for a relation."""
    position: float
    """Share of the scenes of one object that are laid out for a position."""
    large: float
    striped: float
    style: dict[str, float]
    letters: tuple[str, ...]
    """Letters that occur as objects; each is as frequent as each shape."""
    missing: tuple[tuple[str, str], ...]
    """(color, name) pairs that never occur."""


@dataclass(frozen=True, slots=True)
class PlannedScene:
    """A scene and the category, relation and position that it was laid out for."""

    scene: Scene
    category: Category
    relation: str | None
    """Relation of object 0 to object 1."""
    position: str | None
    """Position of object 0."""


def _choose(
    rng: np.random.Generator, shares: Mapping[Any, float], num_scenes: int
) -> NDArray[np.str_]:
    weights = np.array(list(shares.values()), dtype=np.float64)
    return rng.choice(np.array(list(shares)), size=num_scenes, p=weights / weights.sum())


def _appearances(
    rng: np.random.Generator, mix: SceneMix, num_scenes: int, identical: NDArray[np.bool_]
) -> dict[str, NDArray[np.str_]]:
    """Name, color, size and fill of each object, `(num_scenes, MAX_OBJECTS)` each.

    In `identical` scenes all objects have the attributes of object 0.
    """
    shape = (num_scenes, MAX_OBJECTS)
    names = np.array([name for name in NAMES if len(name) > 1 or name in mix.letters])
    attributes = {
        "name": rng.choice(names, shape),
        "color": rng.choice(np.array(list(COLORS)), shape),
    }
    for _ in range(_MAX_ROUNDS):
        pairs = zip(mix.missing, strict=False)
        missing = np.zeros(shape, dtype=bool)
        for ((color, name),) in pairs:
            missing |= (attributes["color"] == color) & (attributes["name"] == name)
        if not missing.any():
            break
        attributes["color"][missing] = rng.choice(np.array(list(COLORS)), int(missing.sum()))
    attributes["size"] = np.where(rng.random(shape) < mix.large, "large", "small")
    attributes["fill"] = np.where(rng.random(shape) < mix.striped, FILLS[1], FILLS[0])
    for values in attributes.values():
        values[identical] = values[identical][:, :1]
    return attributes


def _propose_centers(
    rng: np.random.Generator,
    radii: NDArray[np.int64],
    positions: NDArray[np.str_],
    height: int,
    width: int,
) -> NDArray[np.int64]:
    """Random centers `(num_scenes, MAX_OBJECTS, 2)` as (x, y), inside the margins."""
    low = radii + MARGIN
    x = rng.integers(low, width - low, endpoint=False)
    y = rng.integers(low, height - low, endpoint=False)
    for name, (share_x, share_y) in POSITIONS.items():
        rows = positions == name
        jitter = rng.integers(-_POSITION_JITTER, _POSITION_JITTER + 1, size=(2, int(rows.sum())))
        x[rows, 0] = np.clip(share_x * width + jitter[0], low[rows, 0], width - 1 - low[rows, 0])
        y[rows, 0] = np.clip(share_y * height + jitter[1], low[rows, 0], height - 1 - low[rows, 0])
    return np.stack([x, y], axis=-1)


def _is_laid_out(
    centers: NDArray[np.int64],
    radii: NDArray[np.int64],
    counts: NDArray[np.int64],
    relations: NDArray[np.str_],
) -> NDArray[np.bool_]:
    valid = np.ones(len(centers), dtype=bool)
    for a in range(MAX_OBJECTS):
        for b in range(a + 1, MAX_OBJECTS):
            distance = np.linalg.norm(centers[:, a] - centers[:, b], axis=-1)
            far = distance >= 1.1 * (radii[:, a] + radii[:, b]) + GAP
            valid &= far | (counts <= b)
    offset = centers[:, 0] - centers[:, 1]
    for name, (distance, across) in relation_axes(offset[:, 0], offset[:, 1]).items():
        holds = (distance >= RELATION_DISTANCE) & (np.abs(across) <= 0.7 * distance)
        valid &= holds | (relations != name)
    return valid


def _lay_out(
    rng: np.random.Generator,
    radii: NDArray[np.int64],
    counts: NDArray[np.int64],
    relations: NDArray[np.str_],
    positions: NDArray[np.str_],
    size: tuple[int, int],
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Centers `(num_scenes, MAX_OBJECTS, 2)`, and which scenes have a valid layout."""
    centers = np.zeros((*radii.shape, 2), dtype=np.int64)
    open_rows = np.arange(len(radii))
    for _ in range(_MAX_ROUNDS):
        proposal = _propose_centers(rng, radii[open_rows], positions[open_rows], *size)
        valid = _is_laid_out(proposal, radii[open_rows], counts[open_rows], relations[open_rows])
        centers[open_rows[valid]] = proposal[valid]
        open_rows = open_rows[~valid]
        if not len(open_rows):
            break
    has_layout = np.ones(len(radii), dtype=bool)
    has_layout[open_rows] = False
    return centers, has_layout


def sample_scenes(
    rng: np.random.Generator, mix: SceneMix, num_scenes: int, height: int, width: int
) -> list[PlannedScene]:
    """At most `num_scenes` random scenes of one picture size; some may find no layout.

    Args:
        rng: the same state gives the same scenes.
        mix: how often each attribute occurs.
        num_scenes: how many are tried; those without a layout after 400 rounds are left out.
        height: of the pictures, px.
        width: of the pictures, px.
    """
    category = _choose(rng, mix.category, num_scenes)
    by_category = {"object": 1, "relation": 2, "count": 0, "composition": 3}
    counts = np.array([by_category[c] for c in category])
    counts = np.where(category == "count", rng.integers(2, MAX_OBJECTS + 1, num_scenes), counts)
    related = (rng.random(num_scenes) < mix.relation) & np.isin(
        category, ("relation", "composition")
    )
    relations = np.where(related, rng.choice(np.array(RELATIONS), num_scenes), "")
    placed = (rng.random(num_scenes) < mix.position) & (category == "object")
    positions = np.where(placed, rng.choice(np.array(list(POSITIONS)), num_scenes), "")
    attributes = _appearances(rng, mix, num_scenes, identical=category == "count")
    radii = np.where(attributes["size"] == "large", SIZES["large"], SIZES["small"])
    centers, has_layout = _lay_out(rng, radii, counts, relations, positions, (height, width))
    background = rng.choice(np.array(list(BACKGROUNDS)), num_scenes)
    style = _choose(rng, mix.style, num_scenes)

    def scene(row: np.intp) -> Scene:
        objects = tuple(
            SceneObject(
                name=str(attributes["name"][row, slot]),
                color=str(attributes["color"][row, slot]),
                size=str(attributes["size"][row, slot]),
                fill=str(attributes["fill"][row, slot]),
                x=int(centers[row, slot, 0]),
                y=int(centers[row, slot, 1]),
            )
            for slot in range(counts[row])
        )
        return Scene(
            objects=objects,
            background=str(background[row]),
            style=str(style[row]),
            height=height,
            width=width,
        )

    return [
        PlannedScene(
            scene=scene(row),
            category=category[row].item(),
            relation=relations[row].item() or None,
            position=positions[row].item() or None,
        )
        for row in np.flatnonzero(has_layout)
    ]
