"""Pictures that an autoencoder is asked to give back: photographs, drawn scenes, rendered text.

The photographs come with scikit-image and matplotlib and are read where these are installed; none
is part of this repository. Grey ones are kept: an autoencoder may add color to them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from zimage_eval.config.measuring import FolderReference
from zimage_eval.config.setting_groups import ImageSettings
from zimage_eval.metrics.sets.reference import drawn_pictures, folder_pictures
from zimage_eval.output.image_grids import load_font
from zimage_eval.output.png import decode_as_seen

COLORED: Final = (
    ("astronaut", "png"),
    ("chelsea", "png"),
    ("coffee", "png"),
    ("hubble_deep_field", "jpg"),
    ("ihc", "png"),
    ("retina", "jpg"),
    ("rocket", "jpg"),
)
GREY: Final = tuple((name, "png") for name in ("brick", "camera", "cell", "coins", "grass"))
INK: Final = ("black on white", "white on blue")
_COLORS: Final = {"black on white": ("#000000", "#ffffff"), "white on blue": ("#ffffff", "#1f3a93")}
_WORDS: Final = (
    *("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "wizards"),
    *("box", "and", "30", "kings", "sing", "of", "quartz,", "jade", "&", "opal;", "Grand"),
    *("Opening", "Sale", "1984", "No", "Parking", "Exit", "Ticket", "Menu", "Bread"),
)


class RoundtripPicture(NamedTuple):
    """One picture of a kind."""

    unit: str
    kind: str
    image: Tensor
    """`(3, height, width)` uint8."""


def photographs(folder: FolderReference | None) -> dict[str, Tensor]:
    """By name, `(3, height, width)` uint8 in their own sizes.

    Args:
        folder: of pictures to take instead of those that come with the packages.

    Raises:
        ValueError: the folder holds none, or others than declared; or a package lacks a picture.
    """
    if folder is not None:
        return {name: read() for name, read in folder_pictures(folder).items()}
    import matplotlib
    import skimage

    data = Path(skimage.__file__).parent / "data"
    files = {name: data / f"{name}.{ending}" for name, ending in (*COLORED, *GREY)}
    files["grace_hopper"] = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise ValueError(f"{missing[0]}: no such picture; name a folder of photographs instead")
    return {name: _read(files[name]) for name in sorted(files)}


def roundtrip_pictures(
    photos: dict[str, Tensor], side: int, num_scenes: int, text_sizes: Sequence[int], num_texts: int
) -> list[RoundtripPicture]:
    """Squares of `side` pixels of every kind.

    `photograph` is the whole picture's middle made smaller, full of detail; `photograph_crop` is
    cut out of its middle at its own resolution; `text_<size>px` is named after the font's size.
    """
    pictures = [
        RoundtripPicture(name, "photograph", shrink(photo, side)) for name, photo in photos.items()
    ]
    pictures += [
        RoundtripPicture(f"{name}_crop", "photograph_crop", crop(photo, side))
        for name, photo in photos.items()
    ]
    pictures += scene_pictures(side, num_scenes)
    for size in text_sizes:
        for index in range(num_texts):
            image = text_picture(side, size, index)
            pictures.append(RoundtripPicture(f"text-{size}-{index}", f"text_{size}px", image))
    return pictures


def scene_pictures(side: int, num_scenes: int) -> list[RoundtripPicture]:
    """Drawn scenes, of a seed that neither training nor reference uses."""
    drawn = drawn_pictures(num_scenes, 10, ImageSettings(height=side, width=side))
    return [RoundtripPicture(name, "scene", read()) for name, read in drawn.items()]


def crop(image: Tensor, side: int) -> Tensor:
    """The middle `(3, side, side)` of a picture, which is mirrored outwards where it is smaller."""
    pixels = image.numpy()
    short = [max(0, side - length) for length in pixels.shape[1:]]
    margins = [(0, 0), *((length // 2, length - length // 2) for length in short)]
    pixels = np.pad(pixels, margins, mode="symmetric")
    top, left = ((length - side) // 2 for length in pixels.shape[1:])
    return torch.from_numpy(pixels[:, top : top + side, left : left + side].copy())


def shrink(image: Tensor, side: int) -> Tensor:
    """The middle square of a picture in `side` pixels, by Pillow's antialiased bicubic filter.

    One that is smaller is not enlarged, which would leave nothing to lose: it is mirrored outwards.
    """
    square = crop(image, min(image.shape[1:]))
    if square.shape[1] <= side:
        return crop(square, side)
    pixels = Image.fromarray(square.permute(1, 2, 0).contiguous().numpy())
    return _tensor(pixels.resize((side, side), Image.Resampling.BICUBIC))


def text_picture(side: int, size: int, index: int) -> Tensor:
    """Lines of words in DejaVu Sans of `size` px; another index gives other words and colors."""
    ink, paper = _COLORS[INK[index % len(INK)]]
    canvas = Image.new("RGB", (side, side), paper)
    draw, face = ImageDraw.Draw(canvas), load_font(size)
    words = np.random.default_rng([size, index]).permutation(_WORDS).tolist() * (side // 16)
    for top in range(2, side - size, round(size * 1.3)):
        line = words.pop()
        while words and face.getlength(f"{line} {words[-1]}") < side - 4:
            line += f" {words.pop()}"
        draw.text((2, top), line, ink, face)
    return _tensor(canvas)


def large_pictures(
    photos: dict[str, Tensor], side: int, num_pictures: int
) -> list[RoundtripPicture]:
    """Photographs at their own resolution and drawn scenes, as many of each, larger than a tile."""
    chosen = list(photos.items())[:num_pictures]
    pictures = [RoundtripPicture(name, "photograph", crop(photo, side)) for name, photo in chosen]
    return pictures + scene_pictures(side, num_pictures)


def _read(path: Path) -> Tensor:
    # rocket.jpg is in Adobe RGB: its stored values are what has been measured
    return decode_as_seen(path.read_bytes(), str(path), profiled=False)


def _tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()
