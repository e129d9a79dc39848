"""Reference pictures of the set metrics: drawn scenes, or the picture files of a folder."""

import hashlib
import io
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from torch import Tensor

from zimage_eval.config.measuring import FolderReference
from zimage_eval.config.setting_groups import ImageSettings
from zimage_eval.output.png import FORMATS, decode_as_seen
from zimage_eval.prompts.scenes.drawing import draw_scenes
from zimage_eval.prompts.scenes.layout import CATEGORIES, SceneMix, sample_scenes
from zimage_eval.prompts.scenes.world import STYLES

Pictures = dict[str, Callable[[], Tensor]]
"""By name, a function that reads the picture: `(3, height, width)` uint8."""

SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""File suffixes of the pictures that are read."""
UNREAD_SUFFIXES: Final = (
    *(".apng", ".jfif", ".jpe", ".jp2", ".jxl", ".avif", ".heic", ".heif", ".svg", ".ico", ".psd"),
    *(".tga", ".ppm", ".pgm", ".pbm", ".pnm", ".exr", ".hdr", ".dng", ".cr2", ".cr3", ".nef"),
    *(".arw", ".raw", ".orf", ".rw2", ".dds", ".eps", ".xcf", ".kra"),
)
"""File suffixes of pictures that are not read: such a file is an error, not left out silently."""
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
"""Even shares of all that a scene may hold, so that the reference favors no model.

Letters are left out, because the prompts don't name them."""


def drawn_pictures(num_images: int, seed: int, size: ImageSettings) -> Pictures:
    """`num_images` drawn scenes of one size; a larger number begins with the same scenes."""
    rng = np.random.default_rng(seed)
    drawn: list[Tensor] = []
    while len(drawn) < num_images:
        # a fixed number at a time, so that the beginning does not depend on how many are wanted
        planned = sample_scenes(rng, EVEN_MIX, 256, size.height, size.width)
        drawn += draw_scenes([plan.scene for plan in planned]).unbind()
    return {f"scene-{index:06}": partial(_same, drawn[index]) for index in range(num_images)}


def folder_pictures(reference: FolderReference) -> Pictures:
    """The pictures of a folder and its subfolders, in the order of their names.

    A picture's suffix is one of `SUFFIXES` in upper or lower case. Linked folders are followed.
    Files and folders whose names begin with a dot are left out, and so are files that are no
    pictures by their suffix and by their first bytes.

    Raises:
        ValueError: there are no pictures, or other ones than declared; or there is something that
            would be left out silently: another kind of picture, a damaged one, a folder named
            like a picture, a broken link, a folder that is linked twice. Begins with `reference`
            and names the file.
    """
    folder = Path(reference.path).expanduser()
    files = {file.relative_to(folder).as_posix(): file for file in _pictures_in(folder, {})}
    if not files:
        raise ValueError(
            f"reference {folder}: holds no {', '.join(SUFFIXES)} files, in upper or lower case, "
            "subfolders included, names that begin with a dot left out"
        )
    ordered = {name: files[name] for name in sorted(files)}
    digest = hashlib.sha256()
    for name, path in ordered.items():
        content = _read_bytes(path)
        decode_as_seen(content, _where(path))  # here, not after hours of other work
        digest.update(f"{name}\0".encode() + hashlib.sha256(content).digest())
    if digest.hexdigest() != reference.sha256:
        raise ValueError(
            f"reference {folder} ({len(ordered)} pictures): has sha256 {digest.hexdigest()}, "
            f"declared is {reference.sha256}"
        )
    return {name: partial(_read, path) for name, path in ordered.items()}


def _pictures_in(folder: Path, visited: dict[Path, Path]) -> Iterator[Path]:
    """The picture files of a folder; `visited` are the folders before it, by their real place."""
    first = visited.setdefault(folder.resolve(), folder)
    if first is not folder:
        raise ValueError(f"{_where(folder)}: is {_shown(first)} again, by a link")
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise ValueError(f"{_where(folder)}: {error.strerror}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        is_named_picture = entry.suffix.lower() in SUFFIXES + UNREAD_SUFFIXES
        if not entry.exists():
            raise ValueError(f"{_where(entry)}: is a link to nothing")
        if entry.is_dir() and not is_named_picture:
            yield from _pictures_in(entry, visited)
        elif is_named_picture or (entry.is_file() and _begins_like_a_picture(entry)):
            yield _checked_file(entry)


def _begins_like_a_picture(path: Path) -> bool:
    start = io.BytesIO(_read_bytes(path, 1 << 16))
    try:
        Image.open(start, formats=FORMATS)
    except Image.DecompressionBombError:
        return True
    except (OSError, SyntaxError, ValueError, LookupError, struct.error):
        return False  # two letters of a text may be a picture's first two
    return True


def _checked_file(path: Path) -> Path:
    """The path of a picture file; ValueError where it is none, or is of another kind."""
    if not path.is_file():
        what = "a folder, not a picture" if path.is_dir() else "no file"
        raise ValueError(f"{_where(path)}: is {what}")
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{_where(path)}: is a picture, but only {', '.join(SUFFIXES)} are read")
    try:
        path.as_posix().encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{_where(path)}: its name is not UTF-8") from error
    return path


def _read_bytes(path: Path, limit: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise ValueError(f"{_where(path)}: {error.strerror}") from error


def _where(path: Path) -> str:
    return f"reference {_shown(path)}"


def _shown(path: Path) -> str:
    """A path in one line that can be printed."""
    return str(path) if str(path).isprintable() else ascii(str(path))


def _same(picture: Tensor) -> Tensor:
    return picture


def _read(path: Path) -> Tensor:
    return decode_as_seen(_read_bytes(path), _where(path))
