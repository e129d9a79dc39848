"""The pictures that a model's are compared with: drawn scenes, or the files of a folder."""

import hashlib
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zimage_eval.config.measuring import FolderReference
from zimage_eval.config.setting_groups import ImageSettings
from zimage_eval.prompts.scenes.drawing import draw_scenes
from zimage_eval.prompts.scenes.layout import CATEGORIES, SceneMix, sample_scenes
from zimage_eval.prompts.scenes.world import STYLES

Pictures = dict[str, Callable[[], Tensor]]
"""By name, how to read each: `(3, height, width)` uint8."""

SUFFIXES: Final = (".png", ".jpg", ".jpeg")
EVEN_MIX: Final = SceneMix(
    category=dict.fromkeys(CATEGORIES, 1.0),
    relation=0.5,
    position=0.5,
    large=0.5,
    striped=0.5,
    style=dict.fromkeys(STYLES, 1.0),
    letters=(),
    missing=(),
)
"""Even shares of all that a scene may hold but letters, which the prompts don't name: a reference
that knows nothing of the model under study."""


def drawn_pictures(num_images: int, seed: int, size: ImageSettings) -> Pictures:
    """Exactly `num_images` drawn scenes of one size; more of them begin with the same ones."""
    rng = np.random.default_rng(seed)
    drawn: list[Tensor] = []
    while len(drawn) < num_images:
        # a fixed number at a time, so that the beginning does not depend on how many are wanted
        planned = sample_scenes(rng, EVEN_MIX, 256, size.height, size.width)
        drawn += draw_scenes([each.scene for each in planned]).unbind()
    return {f"scene-{index:06}": partial(_same, drawn[index]) for index in range(num_images)}


def folder_pictures(reference: FolderReference) -> Pictures:
    """The pictures of a folder, in the order of their names.

    Raises:
        ValueError: there are none, or other ones than declared.
    """
    folder = Path(reference.path).expanduser()
    found = chain.from_iterable(folder.rglob(f"*{suffix}") for suffix in SUFFIXES)
    files = {path.relative_to(folder).as_posix(): path for path in found}
    if not files:
        raise ValueError(f"reference {folder}: holds no {', '.join(SUFFIXES)} files")
    ordered = {name: files[name] for name in sorted(files)}
    digest = hashlib.sha256()
    for name, path in ordered.items():
        digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    if digest.hexdigest() != reference.sha256:
        raise ValueError(
            f"reference {folder}: has sha256 {digest.hexdigest()}, declared is {reference.sha256}"
        )
    return {name: partial(_read, path) for name, path in ordered.items()}


def _same(picture: Tensor) -> Tensor:
    return picture


def _read(path: Path) -> Tensor:
    with Image.open(path) as file:
        pixels = np.array(file.convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
