"""The judge of scenes: reads objects from a picture's pixels and checks facts against them."""

import math
from collections.abc import Iterator
from itertools import permutations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from zimage_eval.prompts.facts import FactResult, Facts
from zimage_eval.prompts.scenes.shapes import MASK_SIDE, object_masks
from zimage_eval.prompts.scenes.world import (
    BACKGROUNDS,
    COLORS,
    DOT_SIZE,
    DOT_SPACING,
    FILLS,
    FRAME_WIDTH,
    MAX_FOUND_OBJECTS,
    NAMES,
    SIZES,
    STRIPE_HEIGHT,
    STRIPE_SHADE,
    nearest_position,
    stands_in_relation,
)

_FOREGROUND_DISTANCE: Final = 56.0
"""RGB distance from the background above which a pixel belongs to an object. The dots of dotted
paper differ by 52."""
_BACKGROUND_DISTANCE: Final = 45.0
_MIN_AREA: Final = 25
"""A connected region of fewer pixels is noise, not an object."""
_MIN_OVERLAP: Final = 0.6
"""An object gets a name only if its intersection over union with a silhouette reaches this."""
_MAX_COLOR_ERROR: Final = 60.0
"""Root-mean-square RGB distance from a palette color above which an object has no color."""
_CHECKED_RELATION_DISTANCE: Final = 6.0

RGBImage = NDArray[np.uint8]


class DetectedObject(NamedTuple):
    """An object in a picture: the attributes that fit it best, each None where nothing fits."""

    name: str | None
    size: str | None
    color: str | None
    fill: str | None
    x: float
    """Column of the center, px."""
    y: float
    """Row of the center, px."""


class DetectedScene(NamedTuple):
    """The scene that a picture shows."""

    objects: tuple[DetectedObject, ...]
    """By area, largest first; at most `MAX_FOUND_OBJECTS`."""
    background: str | None
    style: str


def _find_background(pixels: NDArray[np.float64]) -> tuple[str | None, NDArray[np.float64]]:
    """Name and measured RGB of the background; no name if none covers a tenth of the picture."""
    palette = np.array(list(BACKGROUNDS.values()), dtype=np.float64)
    distance = np.linalg.norm(pixels[:, :, None] - palette, axis=-1)
    nearest = distance.argmin(axis=-1)
    nearest[distance.min(axis=-1) > _BACKGROUND_DISTANCE] = -1
    counts = np.bincount(nearest[nearest >= 0], minlength=len(palette))
    best = int(counts.argmax())
    if counts[best] < 0.1 * nearest.size:
        return None, np.median(pixels.reshape(-1, 3), axis=0)
    return list(BACKGROUNDS)[best], np.median(pixels[nearest == best], axis=0)


def _find_style(pixels: NDArray[np.float64], background: NDArray[np.float64]) -> str:
    height, width, _ = pixels.shape
    distance = np.linalg.norm(pixels - background, axis=-1)
    edge = np.ones((height, width), dtype=bool)
    edge[FRAME_WIDTH - 1 : 1 - FRAME_WIDTH, FRAME_WIDTH - 1 : 1 - FRAME_WIDTH] = False
    if (distance[edge] > 35).mean() > 0.8:
        return "framed"
    rows, columns = np.indices((height, width))
    on_dot = (rows % DOT_SPACING == DOT_SIZE // 2) & (columns % DOT_SPACING == DOT_SIZE // 2)
    half = DOT_SPACING // 2 + DOT_SIZE // 2
    between = (rows % DOT_SPACING == half) & (columns % DOT_SPACING == half)
    near = distance < _FOREGROUND_DISTANCE
    if not (on_dot & near).any() or not (between & near).any():
        return "plain"
    contrast = pixels[on_dot & near].mean(axis=0) - pixels[between & near].mean(axis=0)
    return "dotted" if np.abs(contrast).mean() > 10 else "plain"


class _Silhouette(NamedTuple):
    name: str | None
    size: str | None
    mask: NDArray[np.bool_]
    """Pixels surely inside the object, `(height, width)`."""
    x: float
    y: float


def _coverage(mask: NDArray[np.bool_], distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each pixel of `mask` that the object covers, in [0, 1].

    A pixel's distance from the background is divided by the largest one in its row, because stripes
    are rows of another contrast. A row that has only edge pixels is divided by at least half of the
    object's median distance.
    """
    inside = np.where(mask, distance, 0.0)
    full = np.maximum(inside.max(axis=1, keepdims=True), np.median(distance[mask]) / 2)
    return inside / full


def _fit_silhouette(coverage: NDArray[np.float64]) -> _Silhouette:
    """The silhouette that overlaps `coverage` best, and its center."""
    masks = object_masks()
    rows, columns = np.nonzero(coverage > 0.5)
    x, y = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
    half, reach = MASK_SIDE // 2, 2
    border = half + reach
    padded = np.pad(coverage, border)
    best: tuple[float, int, int, int, int] = (-1.0, 0, 0, 0, 0)
    for dy in range(-1, 2):
        for dx in range(-1, 2):
            top, left = math.floor(y) + dy + reach, math.floor(x) + dx + reach
            window = padded[top : top + MASK_SIDE, left : left + MASK_SIDE]
            shared = np.minimum(masks, window).sum(axis=(2, 3))
            overlap = shared / (masks.sum(axis=(2, 3)) + coverage.sum() - shared)
            fit = np.unravel_index(int(overlap.argmax()), overlap.shape)
            if overlap[fit] > best[0]:
                best = (float(overlap[fit]), int(fit[0]), int(fit[1]), top, left)
    best_overlap, name_index, size_index, top, left = best
    if best_overlap < _MIN_OVERLAP:
        return _Silhouette(name=None, size=None, mask=coverage > 0.5, x=float(x), y=float(y))
    fitted = np.zeros(padded.shape, dtype=bool)
    fitted[top : top + MASK_SIDE, left : left + MASK_SIDE] = masks[name_index, size_index] > 0.9
    fitted = fitted[border:-border, border:-border] & (coverage > 0.5)
    name, size = NAMES[name_index], list(SIZES)[size_index]
    return _Silhouette(
        name=name, size=size, mask=fitted, x=float(left - reach), y=float(top - reach)
    )


def _appearances(rows: NDArray[np.intp], y: float) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each fill and the brightness of pixels in `rows` under it, for an object centered on row `y`.

    A striped fill comes three times, because the measured center may be a row off.
    """
    yield FILLS[0], np.ones(len(rows))
    for offset in (-1, 0, 1):
        band = (rows - round(y) + offset + 3 * (MASK_SIDE // 2)) // STRIPE_HEIGHT
        yield FILLS[1], np.where(band % 2 == 1, STRIPE_SHADE, 1.0)


def _fit_color(
    pixels: NDArray[np.float64], inside: NDArray[np.bool_], y: float
) -> tuple[str | None, str | None]:
    rows, _ = np.nonzero(inside)
    if not len(rows):
        return None, None
    observed = pixels[inside]
    fits = [
        (
            float(np.mean(np.sum((observed - shade[:, None] * np.array(rgb)) ** 2, axis=1))),
            name,
            fill,
        )
        for fill, shade in _appearances(rows, y)
        for name, rgb in COLORS.items()
    ]
    error, color, fill = min(fits)
    return (color, fill) if error**0.5 <= _MAX_COLOR_ERROR else (None, None)


def detect_scene(image: RGBImage) -> DetectedScene:
    """Objects, background and style of a picture `(height, width, 3)` uint8 of any size.

    Raises:
        ValueError: another shape or dtype.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"expected (height, width, 3) uint8, got {image.shape} {image.dtype}")
    pixels = image.astype(np.float64)
    background, measured = _find_background(pixels)
    style = _find_style(pixels, measured)
    distance = np.linalg.norm(pixels - measured, axis=-1)
    foreground = distance > _FOREGROUND_DISTANCE
    if style == "framed":
        inside_frame = np.zeros_like(foreground)
        inside_frame[FRAME_WIDTH:-FRAME_WIDTH, FRAME_WIDTH:-FRAME_WIDTH] = True
        foreground &= inside_frame
    labels, num = ndimage.label(foreground)
    areas = ndimage.sum_labels(foreground, labels, np.arange(1, num + 1))
    objects = []
    for index in np.argsort(-areas, kind="stable")[:MAX_FOUND_OBJECTS]:
        if areas[index] < _MIN_AREA:
            break
        mask = labels == index + 1
        fit = _fit_silhouette(_coverage(mask, distance))
        color, fill = _fit_color(pixels, fit.mask, fit.y)
        objects.append(
            DetectedObject(name=fit.name, size=fit.size, color=color, fill=fill, x=fit.x, y=fit.y)
        )
    return DetectedScene(tuple(objects), background, style)


class _Match(NamedTuple):
    held: int
    results: list[FactResult]


def _check_objects(
    facts: Facts,
    stated: list[int],
    detected: tuple[DetectedObject | None, ...],
    width: int,
    height: int,
) -> _Match:
    """Facts of objects and relations, if `detected[i]` is an instance of object `stated[i]`."""
    results = []
    for index, fact in enumerate(facts.objects):
        instances = [o for s, o in zip(stated, detected, strict=True) if s == index]
        shown = [o for o in instances if o is not None]
        complete = len(shown) == len(instances)
        held = complete and all(o.name == fact.name for o in shown)
        results.append(FactResult("shape", held, index))
        for kind in ("color", "size", "fill"):
            value = getattr(fact, kind)
            if value is not None:
                held = complete and all(getattr(o, kind) == value for o in shown)
                results.append(FactResult(kind, held, index))
        if fact.position is not None:
            held = complete and all(
                nearest_position(o.x, o.y, width, height) == fact.position for o in shown
            )
            results.append(FactResult("position", held, index))
    for number, relation in enumerate(facts.relations):
        pair = [detected[stated.index(i)] for i in (relation.subject, relation.object)]
        names = [facts.objects[i].name for i in (relation.subject, relation.object)]
        held = all(o is not None and o.name == n for o, n in zip(pair, names, strict=True))
        if held and pair[0] and pair[1]:
            centers = (pair[0].x, pair[0].y), (pair[1].x, pair[1].y)
            held = stands_in_relation(
                centers[0], relation.relation, centers[1], _CHECKED_RELATION_DISTANCE
            )
        results.append(FactResult("relation", held, number))
    return _Match(sum(result.held for result in results), results)


def check_facts(image: RGBImage, facts: Facts) -> list[FactResult]:
    """Whether each fact holds in a picture `(height, width, 3)` uint8.

    Detected objects are assigned to stated objects in the way that makes most facts hold. A
    relation holds only between objects of the right names; the count holds when the picture shows
    exactly as many objects as the facts state.
    """
    scene = detect_scene(image)
    height, width, _ = image.shape
    stated = [i for i, fact in enumerate(facts.objects) for _ in range(fact.count)]
    candidates = (*scene.objects, *[None] * max(0, len(stated) - len(scene.objects)))
    matches = (
        _check_objects(facts, stated, detected, width, height)
        for detected in permutations(candidates, len(stated))
    )
    results = max(matches, key=lambda match: match.held).results
    results.append(FactResult("count", len(scene.objects) == len(stated)))
    if facts.background is not None:
        results.append(FactResult("background", scene.background == facts.background))
    if facts.style is not None:
        results.append(FactResult("style", scene.style == facts.style))
    return results
