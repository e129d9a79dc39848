"""Drawing scenes: tensors of integers that describe scenes, and their pictures in batches."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from zimage_eval.prompts.scenes.shapes import MASK_SIDE, object_masks
from zimage_eval.prompts.scenes.world import (
    BACKGROUNDS,
    COLORS,
    DOT_CONTRAST,
    DOT_SIZE,
    DOT_SPACING,
    FILLS,
    FRAME_WIDTH,
    MAX_OBJECTS,
    NAMES,
    SIZES,
    STRIPE_HEIGHT,
    STRIPE_SHADE,
    STYLES,
    Scene,
)

_COLUMNS = ("present", "name", "color", "size", "fill", "x", "y")


@cache
def _indices() -> dict[str, dict[str, int]]:
    names = {"name": NAMES, "color": COLORS, "size": SIZES, "fill": FILLS}
    names |= {"background": BACKGROUNDS, "style": STYLES}
    return {kind: {value: i for i, value in enumerate(values)} for kind, values in names.items()}


def encode_scenes(scenes: Sequence[Scene]) -> tuple[Tensor, Tensor]:
    """Scenes as integers: objects `(num_scenes, MAX_OBJECTS, 7)` and canvas `(num_scenes, 2)`.

    The columns of an object are `_COLUMNS`, those of the canvas background and style.
    """
    index = _indices()
    empty = [0] * len(_COLUMNS)
    objects = [
        [
            [
                1,
                index["name"][scene_object.name],
                index["color"][scene_object.color],
                index["size"][scene_object.size],
                index["fill"][scene_object.fill],
                scene_object.x,
                scene_object.y,
            ]
            for scene_object in scene.objects
        ]
        + [empty] * (MAX_OBJECTS - len(scene.objects))
        for scene in scenes
    ]
    canvas = [[index["background"][s.background], index["style"][s.style]] for s in scenes]
    return torch.tensor(objects), torch.tensor(canvas)


def _draw_canvas(canvas: Tensor, height: int, width: int) -> Tensor:
    device = canvas.device
    palette = torch.tensor(list(BACKGROUNDS.values()), dtype=torch.float32, device=device)
    color = palette[canvas[:, 0]]
    image = color[:, :, None, None].expand(-1, -1, height, width)
    is_dark = color.mean(dim=1) < 64
    rows = torch.arange(height, device=device)[:, None]
    columns = torch.arange(width, device=device)[None, :]
    dots = (rows % DOT_SPACING < DOT_SIZE) & (columns % DOT_SPACING < DOT_SIZE)
    edge = torch.minimum(
        torch.minimum(rows, height - 1 - rows), torch.minimum(columns, width - 1 - columns)
    )
    contrast = torch.where(is_dark, DOT_CONTRAST, -DOT_CONTRAST)[:, None, None, None]
    is_dotted = (canvas[:, 1] == STYLES.index("dotted"))[:, None, None, None]
    image = image + contrast * (is_dotted & dots)
    frame_level = torch.where(is_dark, 185.0, 60.0)[:, None, None, None]
    is_framed = (canvas[:, 1] == STYLES.index("framed"))[:, None, None, None]
    return torch.where(is_framed & (edge < FRAME_WIDTH), frame_level, image)


def _object_layer(scene_object: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Coverage `(num_scenes, 1, height, width)` and RGB of one object of each scene.

    The RGB tensor is `(num_scenes, 3, height, 1)`: a color for each row.
    """
    device = scene_object.device
    masks = torch.from_numpy(object_masks().copy()).to(device)
    present, name, color, size, fill, x, y = scene_object.unbind(dim=1)
    rows = torch.arange(height, device=device)[None, :] - y[:, None]
    columns = torch.arange(width, device=device)[None, :] - x[:, None]
    half = MASK_SIDE // 2
    inside = (rows.abs() <= half)[:, :, None] & (columns.abs() <= half)[:, None, :]
    r = (rows + half).clamp(0, MASK_SIDE - 1)[:, :, None]
    c = (columns + half).clamp(0, MASK_SIDE - 1)[:, None, :]
    coverage = (
        masks[name[:, None, None], size[:, None, None], r, c] * inside * present[:, None, None]
    )
    palette = torch.tensor(list(COLORS.values()), dtype=torch.float32, device=device)
    is_shade = torch.div(rows + 3 * half, STRIPE_HEIGHT, rounding_mode="floor") % 2 == 1
    is_shade &= (fill == FILLS.index("striped"))[:, None]
    shade = torch.where(is_shade, STRIPE_SHADE, 1.0)
    return coverage[:, None], palette[color][:, :, None, None] * shade[:, None, :, None]


def draw_encoded(objects: Tensor, canvas: Tensor, height: int, width: int) -> Tensor:
    """Pictures `(num_scenes, 3, height, width)` uint8 of what `encode_scenes` returns."""
    image = _draw_canvas(canvas, height, width)
    for slot in range(objects.shape[1]):
        coverage, color = _object_layer(objects[:, slot], height, width)
        image = image * (1 - coverage) + color * coverage
    return image.round().clamp(0, 255).to(torch.uint8)


def draw_scenes(scenes: Sequence[Scene]) -> Tensor:
    """Pictures `(num_scenes, 3, height, width)` uint8 of scenes of one picture size.

    Raises:
        ValueError: the scenes have several sizes, or there is no scene.
    """
    sizes = {(scene.height, scene.width) for scene in scenes}
    if len(sizes) != 1:
        raise ValueError(f"scenes of one picture size expected, got {sorted(sizes)}")
    height, width = next(iter(sizes))
    return draw_encoded(*encode_scenes(scenes), height, width)
