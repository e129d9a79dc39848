"""Random scenes whose objects neither touch nor leave the picture."""

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
"""Least offset between two related centers, px: a relation that nobody would dispute."""
_POSITION_JITTER: Final = 3
_MAX_ROUNDS: Final = 400


@dataclass(frozen=True, slots=True)
class SceneMix:
    """Shares of what a scene may hold; each share in [0, 1]."""

    category: dict[Category, float]
    relation: float
    """Share of the scenes of two or three objects that are laid out for a relation."""
    position: float
    """Share of the scenes of one object that are laid out for a position."""
    large: float
    striped: float
    style: dict[str, float]
    letters: tuple[str, ...]
    """Letters that occur; a name is a letter as often as it is any single shape."""
    missing: tuple[tuple[str, str], ...]
    """(color, name) pairs that never occur."""


@dataclass(frozen=True, slots=True)
class PlannedScene:
    """A scene and what it was laid out for."""

    scene: Scene
    category: Category
    relation: str | None
    """Relation of object 0 to object 1."""
    position: str | None
    """Position of object 0."""


def _choose(rng: np.random.Generator, shares: Mapping[Any, float], num: int) -> NDArray[np.str_]:
    weights = np.array(list(shares.values()), dtype=np.float64)
    return rng.choice(np.array(list(shares)), size=num, p=weights / weights.sum())


def _appearances(
    rng: np.random.Generator, mix: SceneMix, num: int, identical: NDArray[np.bool_]
) -> dict[str, NDArray[np.str_]]:
    """Name, color, size and fill of each slot, `(num, MAX_OBJECTS)`; equal ones repeat slot 0."""
    shape = (num, MAX_OBJECTS)
    names = np.array([name for name in NAMES if len(name) > 1 or name in mix.letters])
    looks = {"name": rng.choice(names, shape), "color": rng.choice(np.array(list(COLORS)), shape)}
    for _ in range(_MAX_ROUNDS):
        pairs = zip(mix.missing, strict=False)
        missing = np.zeros(shape, dtype=bool)
        for ((color, name),) in pairs:
            missing |= (looks["color"] == color) & (looks["name"] == name)
        if not missing.any():
            break
        looks["color"][missing] = rng.choice(np.array(list(COLORS)), int(missing.sum()))
    looks["size"] = np.where(rng.random(shape) < mix.large, "large", "small")
    looks["fill"] = np.where(rng.random(shape) < mix.striped, FILLS[1], FILLS[0])
    for values in looks.values():
        values[identical] = values[identical][:, :1]
    return looks


def _propose_centers(
    rng: np.random.Generator,
    radii: NDArray[np.int64],
    positions: NDArray[np.str_],
    height: int,
    width: int,
) -> NDArray[np.int64]:
    """Centers `(num, MAX_OBJECTS, 2)` as (x, y), inside the margins."""
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
    """Centers `(num, MAX_OBJECTS, 2)` and which scenes found a layout."""
    centers = np.zeros((*radii.shape, 2), dtype=np.int64)
    open_rows = np.arange(len(radii))
    for _ in range(_MAX_ROUNDS):
        proposal = _propose_centers(rng, radii[open_rows], positions[open_rows], *size)
        valid = _is_laid_out(proposal, radii[open_rows], counts[open_rows], relations[open_rows])
        centers[open_rows[valid]] = proposal[valid]
        open_rows = open_rows[~valid]
        if not len(open_rows):
            break
    found = np.ones(len(radii), dtype=bool)
    found[open_rows] = False
    return centers, found


def sample_scenes(
    rng: np.random.Generator, mix: SceneMix, num: int, height: int, width: int
) -> list[PlannedScene]:
    """At most `num` random scenes of one picture size; those that found no layout are left out."""
    category = _choose(rng, mix.category, num)
    by_category = {"object": 1, "relation": 2, "count": 0, "composition": 3}
    counts = np.array([by_category[c] for c in category])
    counts = np.where(category == "count", rng.integers(2, MAX_OBJECTS + 1, num), counts)
    related = (rng.random(num) < mix.relation) & np.isin(category, ("relation", "composition"))
    relations = np.where(related, rng.choice(np.array(RELATIONS), num), "")
    placed = (rng.random(num) < mix.position) & (category == "object")
    positions = np.where(placed, rng.choice(np.array(list(POSITIONS)), num), "")
    looks = _appearances(rng, mix, num, identical=category == "count")
    radii = np.where(looks["size"] == "large", SIZES["large"], SIZES["small"])
    centers, found = _lay_out(rng, radii, counts, relations, positions, (height, width))
    background = rng.choice(np.array(list(BACKGROUNDS)), num)
    style = _choose(rng, mix.style, num)

    def scene(row: np.intp) -> Scene:
        objects = tuple(
            SceneObject(
                name=str(looks["name"][row, slot]),
                color=str(looks["color"][row, slot]),
                size=str(looks["size"][row, slot]),
                fill=str(looks["fill"][row, slot]),
                x=int(centers[row, slot, 0]),
                y=int(centers[row, slot, 1]),
            )
            for slot in range(counts[row])
        )
        return Scene(objects, str(background[row]), str(style[row]), height, width)

    return [
        PlannedScene(
            scene(row),
            category[row].item(),
            relations[row].item() or None,
            positions[row].item() or None,
        )
        for row in np.flatnonzero(found)
    ]
