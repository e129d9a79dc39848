"""PNG files <-> uint8 tensors, and picture files from elsewhere as people see them."""

import hashlib
import io
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile, PngInfo

if TYPE_CHECKING:
    import torch

PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
BACKGROUND: Final = 255
"""White, which shows where a picture is transparent: the page that browsers and viewers put below
it. What a file stores under full transparency is left over from editing and seen by nobody."""
FORMATS: Final = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF")
"""Kinds of files that are read as people see them."""
SRGB_TOLERANCE: Final = 2
"""Levels. A profile that moves no color further is sRGB in another writing, and changes nothing."""
_GRAY: Final = ("1", "L", "LA", "La")
_DEEP_GRAY: Final = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_MODES: Final = (*_GRAY, "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")
_SPACES: Final = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
"""Pillow's mode for the colors that a profile is of."""
_SRGB_GAMMA: Final = 0.45455
_BITS_PER_SAMPLE, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339  # tags of TIFF


def encode_png(image: "torch.Tensor", text: Mapping[str, str]) -> bytes:
    """A PNG file of `(3, height, width)` uint8 with text entries; same input, same bytes.

    Compressed at level 1: a quarter of the time of the default level for 7 % more bytes.
    """
    info = PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    buffer = io.BytesIO()
    pixels = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    pixels.save(buffer, "PNG", compress_level=1, pnginfo=info)
    return buffer.getvalue()


def decode_png(data: bytes, where: str = "a picture") -> "torch.Tensor":
    """`(3, height, width)` uint8 of a PNG file that `encode_png` wrote.

    Raises:
        ValueError: the file is cut off, damaged, no PNG or not 8-bit RGB; begins with `where`.
    """
    return _tensor(_decode(data, where))


def pixels_digest(image: "torch.Tensor") -> str:
    """sha256 in hex digits over the shape and the bytes of a uint8 image on the CPU.

    Two files have the same digest exactly if their pictures are equal, whatever else they hold.
    """
    digest = hashlib.sha256(str(tuple(image.shape)).encode())
    digest.update(image.contiguous().numpy().tobytes())
    return digest.hexdigest()


def read_picture(path: Path) -> "torch.Tensor":
    """`(3, height, width)` uint8 of a PNG file; ValueError where it is missing or damaged."""
    return decode_png(read_png(path), str(path))


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """`(height, width, 3)` uint8 as `read_picture`, without torch."""
    return _decode(read_png(path), str(path))


def read_png(path: Path) -> bytes:
    """The bytes of a file that an image table names; ValueError where it is missing."""
    if not path.is_file():
        raise ValueError(f"{path}: the image table names this picture, but there is none")
    return path.read_bytes()


def read_png_text(data: bytes) -> dict[str, str]:
    """The text entries of a PNG file; ValueError as `decode_png`."""
    with _open_png(data, "a picture") as file:
        return {key: str(value) for key, value in file.text.items()}


def _decode(data: bytes, where: str) -> NDArray[np.uint8]:
    with _open_png(data, where) as file:
        if file.mode != "RGB":
            raise ValueError(f"{where}: PNG file is {file.mode}, not 8-bit RGB")
        return np.array(file)


def _open_png(data: bytes, where: str) -> PngImageFile:
    if not data.endswith(PNG_END):  # verify() does not look at the last four bytes
        raise ValueError(f"{where}: not a whole PNG file: its end is missing")
    try:
        Image.open(io.BytesIO(data), formats=["PNG"]).verify()  # load() checks no checksums
        file = Image.open(io.BytesIO(data), formats=["PNG"])
        file.load()
    except Exception as error:  # Pillow's readers raise anything at damaged files
        raise ValueError(f"{where}: not a whole PNG file: {_one_line(error)}") from error
    assert isinstance(file, PngImageFile)
    return file


def decode_as_seen(data: bytes, where: str, *, profiled: bool = True) -> "torch.Tensor":
    """`(3, height, width)` uint8 sRGB of a picture file from elsewhere, as a viewer shows it.

    Turned as EXIF says; 16-bit gray divided by 257; transparent parts laid on `BACKGROUND`, by the
    stored values, as browsers do; colors brought to sRGB from the profile in the file (perceptual
    intent), those of a file without one taken as sRGB, CMYK without one as Pillow converts it.
    What is 8-bit gray or RGB and has none of these keeps every value.

    Args:
        data: content of the file.
        where: begins the error, with the file's name.
        profiled: False takes the values as they are stored, whatever profile the file names.

    Raises:
        ValueError: the file is empty, damaged, too large or none of `FORMATS`; is animated or has
            several pages; holds 16-bit colors, other numbers than 8- or 16-bit ones, another gamma
            than sRGB's without a profile, or a profile that does not fit. One line.
    """
    try:
        return _tensor(_as_seen(data, profiled))
    except UnidentifiedImageError as error:
        content = f"it begins with {data[:16]!r}" if data else "it is empty"
        raise ValueError(f"{where}: no {', '.join(FORMATS)} picture: {content}") from error
    except Exception as error:  # Pillow's readers raise anything at damaged files
        raise ValueError(f"{where}: {_one_line(error)}") from error


def _as_seen(data: bytes, profiled: bool) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data), formats=FORMATS) as file:
        if file.format == "PNG":
            file.verify()  # load() checks no checksums
    with Image.open(io.BytesIO(data), formats=FORMATS) as file:
        _refuse_other_kinds(file, data)
        is_inverted = file.mode in _DEEP_GRAY and _tiff_tag(file, _PHOTOMETRIC) == 0
        profile = file.info.get("icc_profile") if profiled else None
        file.load()
        image = ImageOps.exif_transpose(file)
    color, alpha = _deep_gray(image, is_inverted) if image.mode in _DEEP_GRAY else _split(image)
    pixels = np.asarray(_to_srgb(color, profile))
    if alpha is None:
        return pixels
    opacity = np.asarray(alpha, dtype=np.uint32)[..., None]
    # rounded to the nearest level, exactly as stored where nothing is transparent
    return ((pixels * opacity + BACKGROUND * (255 - opacity) + 127) // 255).astype(np.uint8)


def _refuse_other_kinds(file: ImageFile, data: bytes) -> None:
    """Raise ValueError for what has no one right look in 8 bits, or would lose some of it."""
    num_frames = getattr(file, "n_frames", 1)
    if num_frames > 1 and file.format != "MPO":  # a camera's: its first is the photograph
        raise ValueError(f"holds {num_frames} frames or pages, a picture has one")
    if (_tiff_tag(file, _SAMPLE_FORMAT) or 1) != 1:
        raise ValueError("holds signed or floating-point numbers, whose white is not said")
    bits = data[24] if file.format == "PNG" else _tiff_tag(file, _BITS_PER_SAMPLE) or 8
    if file.mode in _DEEP_GRAY:
        if bits != 16:
            raise ValueError(f"is gray of {bits} bits, 1, 8 or 16 are read")
    elif file.mode not in _MODES:
        raise ValueError(f"is of Pillow's mode {file.mode}, whose look is not defined")
    elif bits > 8:
        raise ValueError(f"has {bits} bits a channel, save it with 8")
    is_declared = "srgb" in file.info or "icc_profile" in file.info
    gamma = file.info.get("gamma", _SRGB_GAMMA)
    if not is_declared and abs(gamma - _SRGB_GAMMA) > 0.01:
        raise ValueError(f"is stored with gamma {gamma}, sRGB's {_SRGB_GAMMA} is read")


def _tiff_tag(file: ImageFile, tag: int) -> int | None:
    """The first value of a tag, None where the file is no TIFF or has no such tag."""
    value = file.tag_v2.get(tag) if file.format == "TIFF" else None  # type: ignore[attr-defined]
    return value[0] if isinstance(value, tuple) else value


def _deep_gray(image: Image.Image, is_inverted: bool) -> tuple[Image.Image, Image.Image | None]:
    """8-bit gray of 16 bits, and its opacity where one level of gray is transparent."""
    values = np.asarray(image).astype(np.int64)
    opaque = image.info.get("transparency")
    alpha = None if opaque is None else Image.fromarray((values != opaque).astype(np.uint8) * 255)
    levels = np.rint(values / 257).astype(np.uint8)
    return Image.fromarray(255 - levels if is_inverted else levels), alpha


def _split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Colors as gray, RGB or CMYK, and opacity where there is any."""
    is_gray = image.mode in _GRAY
    if image.has_transparency_data:
        whole = image.convert("LA" if is_gray else "RGBA")
        return whole.convert("L" if is_gray else "RGB"), whole.getchannel("A")
    return image.convert("L" if is_gray else image.mode if image.mode == "CMYK" else "RGB"), None


def _to_srgb(color: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile:
        return color.convert("RGB")
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    mode = _SPACES.get(space)
    if color.mode == "L" and mode == "RGB":  # many writers give gray pictures their RGB profile
        color = color.convert("RGB")
    if color.mode != mode:
        raise ValueError(f"has a color profile of {space}, but is {color.mode}")
    transform = _srgb_transform(profile, mode)
    converted = None if transform is None else ImageCms.applyTransform(color, transform)
    return color.convert("RGB") if converted is None else converted


@lru_cache(maxsize=16)
def _srgb_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None where that is sRGB too: rounding would change pixels."""
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, mode, "RGB")
    if mode == "CMYK":
        return transform
    steps = np.linspace(0, 255, 16 if mode == "RGB" else 256).astype(np.uint8)
    colors = np.stack(np.meshgrid(*[steps] * len(mode)), axis=-1).reshape(1, -1, len(mode))
    image = Image.fromarray(colors if mode == "RGB" else colors[..., 0])
    moved = np.asarray(ImageCms.applyTransform(image, transform)).astype(int)
    return None if np.abs(moved - colors).max() <= SRGB_TOLERANCE else transform


def _tensor(pixels: NDArray[np.uint8]) -> "torch.Tensor":
    """`(3, height, width)` of `(height, width, 3)`, in memory of its own."""
    import torch

    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).contiguous()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
