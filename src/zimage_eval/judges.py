"""Judges: which of a prompt's facts hold in a picture."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from zimage_eval.facts import FactResult, Facts
from zimage_eval.images import decode_png
from zimage_eval.params import ModelSpec
from zimage_eval.scene_checking import check_facts

if TYPE_CHECKING:
    import torch


class Picture(NamedTuple):
    """A picture that is judged."""

    pixels: np.ndarray
    """(height, width, 3) uint8."""
    digest: str
    """First 16 hex digits of its file's sha256: its name in hand labels, in whatever study."""


Judge = Callable[[Picture, Facts], Sequence[FactResult] | None]
"""One result for each fact that the judge can check; None: not judged, which is not the same as
nothing holds."""


def load_image(path: Path) -> Picture:
    """A PNG file as a judge sees it.

    Raises:
        ValueError: the file is missing or damaged.
    """
    if not path.is_file():
        raise ValueError(f"{path}: the image table names this picture, but there is none")
    return decode_picture(path.read_bytes())


def decode_picture(png: bytes) -> Picture:
    """The content of a PNG file as a judge sees it.

    Raises:
        ValueError: it is damaged.
    """
    pixels = decode_png(png).permute(1, 2, 0).numpy()
    return Picture(pixels, hashlib.sha256(png).hexdigest()[:16])


def load_judge(spec: ModelSpec, device: "torch.device") -> Judge:
    """The judge that models/<model>.yaml names.

    Raises:
        ValueError: what it looks with is missing, or is another file than declared.
    """
    if spec.judge == "scenes":
        return judge_scene
    return no_judge


def judge_scene(picture: Picture, facts: Facts) -> Sequence[FactResult]:
    """What the scene checker reads from the pixels."""
    return check_facts(picture.pixels, facts)


def no_judge(picture: Picture, facts: Facts) -> None:
    """None: nothing is known about the picture."""
