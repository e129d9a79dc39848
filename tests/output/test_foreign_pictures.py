"""Picture files from elsewhere are read as people see them, or refused in one line by name."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.support.color_profiles import cmyk_profile, matrix_profile
from zimage_eval.output.png import decode_as_seen

Pixels = NDArray[np.uint8]
COLORS: Pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
GRAYS: Pixels = COLORS[..., 0].copy()
RAMP = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def seen(data: bytes) -> Pixels:
    return decode_as_seen(data, "a file").permute(1, 2, 0).numpy()


def thrice(gray: NDArray[Any]) -> Pixels:
    return np.repeat(gray[..., None], 3, axis=-1).astype(np.uint8)


def on_white(colors: Pixels, opacity: NDArray[Any]) -> Pixels:
    """In floats, where the reader counts in integers."""
    share = opacity[..., None] / 255
    return np.floor(colors * share + 255 * (1 - share) + 0.5 + 1e-9).astype(np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "BMP"])
def test_eight_bits_keep_every_value(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    assert np.array_equal(seen(encoded(Image.fromarray(COLORS), kind, **options)), COLORS)
    assert np.array_equal(seen(encoded(Image.fromarray(GRAYS), kind, **options)), thrice(GRAYS))
    dots = Image.fromarray(GRAYS).point(lambda level: 255 * (level > 99), mode="1")
    if kind != "WEBP":
        assert np.array_equal(seen(encoded(dots, kind)), thrice(255 * (GRAYS > 99)))


def test_jpeg_and_palettes_are_pillows_own() -> None:
    for image in (Image.fromarray(COLORS), Image.fromarray(GRAYS)):
        data = encoded(image, "JPEG")
        assert np.array_equal(seen(data), np.array(Image.open(io.BytesIO(data)).convert("RGB")))
    palette = Image.fromarray(COLORS).quantize(16)
    wanted = np.array(palette.getpalette()).reshape(-1, 3)[np.array(palette)]
    for kind in ("PNG", "GIF", "BMP", "TIFF"):
        assert np.array_equal(seen(encoded(palette, kind)), wanted)


TURNS: Mapping[int, Callable[[Pixels], Pixels]] = {
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
    9: lambda pixels: pixels,  # of no meaning
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", TURNS)
def test_the_orientation_of_a_camera_is_followed(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain, turned = (
        encoded(Image.fromarray(COLORS), kind, **options) for options in ({}, {"exif": exif})
    )
    assert np.array_equal(seen(turned), TURNS[orientation](seen(plain)))
    assert orientation not in (6, 8) or seen(turned).shape == (64, 48, 3)


def test_a_turned_picture_keeps_its_transparency_and_its_depth() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = seen(encoded(Image.fromarray(RAMP), "PNG", exif=exif))
    assert np.array_equal(turned, np.rot90(thrice(np.rint(RAMP / 257)), -1))
    rgba = np.dstack([COLORS, GRAYS])
    turned = seen(encoded(Image.fromarray(rgba), "PNG", exif=exif))
    assert np.array_equal(turned, np.rot90(on_white(COLORS, GRAYS), -1))


def test_sixteen_bit_gray_is_divided_by_257() -> None:
    wanted = thrice(np.rint(RAMP / 257))
    inverted = io.BytesIO()
    tifffile.imwrite(inverted, RAMP, photometric="miniswhite")
    for data in (
        encoded(Image.fromarray(RAMP), "PNG"),
        encoded(Image.fromarray(RAMP), "TIFF"),
        encoded(Image.fromarray(RAMP.astype(">u2")), "TIFF"),
    ):
        assert np.array_equal(seen(data), wanted)
    assert np.array_equal(seen(inverted.getvalue()), 255 - wanted)
    assert seen(encoded(Image.fromarray(RAMP), "PNG")).mean() == pytest.approx(127.5, abs=0.01)
    one_level = encoded(Image.fromarray(RAMP), "PNG", transparency=int(RAMP[7, 7]))
    wanted[7, 7] = 255
    assert np.array_equal(seen(one_level), wanted)


def test_what_is_transparent_lies_on_white() -> None:
    hidden = np.zeros((4, 4, 4), np.uint8)
    hidden[..., 0] = 200  # red that nobody sees
    hidden[0, 0] = (10, 20, 30, 255)
    for kind, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})):
        pixels = seen(encoded(Image.fromarray(hidden), kind, **options))
        assert (pixels[0, 0].tolist(), pixels[3, 3].tolist()) == ([10, 20, 30], [255] * 3)
    every = np.dstack([COLORS, GRAYS])
    assert np.array_equal(seen(encoded(Image.fromarray(every), "PNG")), on_white(COLORS, GRAYS))
    gray = np.dstack([COLORS[..., 1], GRAYS])
    pixels = seen(encoded(Image.fromarray(gray, "LA"), "PNG"))
    assert np.array_equal(pixels, on_white(thrice(COLORS[..., 1]), GRAYS))


def test_one_color_may_be_transparent() -> None:
    color = tuple(int(value) for value in COLORS[5, 5])
    pixels = seen(encoded(Image.fromarray(COLORS), "PNG", transparency=color))
    wanted = COLORS.copy()
    wanted[(wanted == COLORS[5, 5]).all(axis=-1)] = 255
    assert np.array_equal(pixels, wanted)
    pixels = seen(encoded(Image.fromarray(GRAYS), "PNG", transparency=int(GRAYS[5, 5])))
    grays = np.where(np.equal(GRAYS, GRAYS[5, 5]), 255, GRAYS)
    assert np.array_equal(pixels, thrice(grays))
    palette = Image.fromarray(COLORS).quantize(4)
    table, index = np.array(palette.getpalette()).reshape(-1, 3), np.array(palette)
    table[2] = 255
    for kind in ("PNG", "GIF"):
        assert np.array_equal(seen(encoded(palette, kind, transparency=2)), table[index])
    shares = np.array([255, 128, 0, 64])
    pixels = seen(encoded(palette, "PNG", transparency=bytes(shares.tolist())))
    colors = np.array(palette.getpalette(), np.uint8).reshape(-1, 3)[index]
    assert np.array_equal(pixels, on_white(colors, shares[index]))


def test_inks_are_multiplied_and_photoshops_are_turned_round() -> None:
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8, :, 0], inks[8:, :, 3], inks[:, 8:, 1] = 255, 100, 180
    wanted = (255.0 - inks[..., :3]) * (255.0 - inks[..., 3:]) / 255
    image = Image.fromarray(inks, "CMYK")
    assert np.abs(seen(encoded(image, "TIFF")) - wanted).max() <= 1
    data = encoded(image, "JPEG", quality=100, subsampling=0)
    assert b"Adobe" in data  # which stores 255 for no ink
    assert np.abs(seen(data) - wanted).max() <= 4


def test_colors_are_brought_to_srgb() -> None:
    """Linear light by the primaries of sRGB itself: only the curve is another."""
    linear = matrix_profile(gamma=1.0)
    light = COLORS / 255
    wanted = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    for kind in ("PNG", "TIFF"):
        pixels = seen(encoded(Image.fromarray(COLORS), kind, icc_profile=linear))
        assert np.abs(pixels - wanted).max() < 1.5
    assert np.abs(wanted - COLORS).max() > 60
    gray = seen(encoded(Image.fromarray(GRAYS), "PNG", icc_profile=linear))
    assert np.abs(gray - wanted[..., :1]).max() < 1.5
    shown = seen(encoded(Image.fromarray(np.dstack([COLORS, GRAYS])), "PNG", icc_profile=linear))
    assert np.abs(shown - on_white(wanted, GRAYS).astype(float)).max() < 2.5
    stored = decode_as_seen(
        encoded(Image.fromarray(COLORS), "PNG", icc_profile=linear), "a file", profiled=False
    )
    assert np.array_equal(stored.permute(1, 2, 0).numpy(), COLORS)


def test_srgb_in_any_writing_changes_nothing() -> None:
    pillows = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (pillows, matrix_profile(gamma=None)):
        pixels = seen(encoded(Image.fromarray(COLORS), "PNG", icc_profile=profile))
        assert np.array_equal(pixels, COLORS)
        gray = seen(encoded(Image.fromarray(GRAYS), "PNG", icc_profile=profile))
        assert np.array_equal(gray, thrice(GRAYS))


def test_a_profile_of_inks_is_followed() -> None:
    """Its black alone makes L* fall from 100 to 0, which is known in sRGB; plain inks give 127."""
    inks = np.zeros((1, 3, 4), np.uint8)
    inks[0, :, 3] = (0, 128, 255)
    data = encoded(Image.fromarray(inks, "CMYK"), "TIFF", icc_profile=cmyk_profile())
    lightness = 100 * (1 - 128 / 255)
    light = ((lightness + 16) / 116) ** 3
    middle = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(seen(data)[0, :, 1] - np.array([255, middle, 0])).max() <= 2
    assert seen(encoded(Image.fromarray(inks, "CMYK"), "TIFF"))[0, 1, 1] == 127


def test_a_cameras_second_picture_is_left_out() -> None:
    first, second = Image.fromarray(COLORS), Image.fromarray(COLORS[::-1])
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(data)).n_frames == 2  # type: ignore[attr-defined]
    assert np.array_equal(seen(data), seen(encoded(first, "JPEG")))


def png_chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def png(header: tuple[int, ...], *chunks: tuple[bytes, bytes], rows: bytes) -> bytes:
    """A PNG file of any header."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", *header)), *chunks, (b"IDAT", zlib.compress(rows))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in [*parts, (b"IEND", b"")])


def frames(kind: str) -> bytes:
    first, second = Image.fromarray(COLORS), Image.fromarray(COLORS[::-1])
    return encoded(first, kind, save_all=True, append_images=[second])


def tiff(pixels: NDArray[Any], **options: Any) -> bytes:  # noqa: ANN401
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


DEEP = np.repeat(RAMP[..., None], 3, axis=-1)
REFUSED: Mapping[str, tuple[bytes, str]] = {
    "empty": (b"", "it is empty"),
    "HTML": (b"<!DOCTYPE html><html></html>", "it begins with b'<!DOCTYPE html>"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid", "begins with b'version https"),
    "text": ("caf\xe9".encode("latin-1"), "it begins with b'caf"),
    "another kind": (encoded(Image.fromarray(COLORS), "PPM"), "no PNG, JPEG, WEBP, TIFF, BMP, GIF"),
    "animated GIF": (frames("GIF"), "holds 2 frames"),
    "animated WebP": (frames("WEBP"), "holds 2 frames"),
    "animated PNG": (frames("PNG"), "holds 2 frames"),
    "pages": (frames("TIFF"), "holds 2 frames or pages"),
    "16-bit RGB PNG": (png((1, 1, 16, 2, 0, 0, 0), rows=b"\0" * 7), "16 bits a channel"),
    "16-bit RGBA PNG": (png((1, 1, 16, 6, 0, 0, 0), rows=b"\0" * 9), "16 bits a channel"),
    "16-bit LA PNG": (png((1, 1, 16, 4, 0, 0, 0), rows=b"\0" * 5), "16 bits a channel"),
    "16-bit RGB TIFF": (tiff(DEEP, photometric="rgb"), "16 bits a channel"),
    "32-bit gray": (tiff(RAMP.astype(np.uint32)), "gray of 32 bits"),
    "signed gray": (tiff(RAMP.view(np.int16)), "signed"),
    "signed 8 bits": (tiff(GRAYS.view(np.int8)), "signed"),
    "float gray": (tiff(RAMP.astype(np.float32)), "floating-point"),
    "Lab": (encoded(Image.fromarray(COLORS, "LAB"), "TIFF"), "mode LAB"),
    "linear light": (
        png((1, 1, 8, 2, 0, 0, 0), (b"gAMA", struct.pack(">I", 100000)), rows=b"\0" * 4),
        "gamma 1.0",
    ),
    "bomb": (png((60000, 60000, 8, 2, 0, 0, 0), rows=b""), "decompression bomb"),
    "no rows": (png((9, 9, 8, 2, 0, 0, 0), rows=b""), "truncated"),
    "no pixels": (png((0, 9, 8, 2, 0, 0, 0), rows=b""), ""),
    "profile of inks": (
        encoded(Image.fromarray(COLORS), "PNG", icc_profile=cmyk_profile()),
        "profile of CMYK, but is RGB",
    ),
    "RGB profile of inks": (
        encoded(Image.fromarray(COLORS).convert("CMYK"), "TIFF", icc_profile=matrix_profile(1.0)),
        "profile of RGB, but is CMYK",
    ),
    "no profile": (encoded(Image.fromarray(COLORS), "PNG", icc_profile=b"none"), "profile"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_one_look_is_refused_by_name(name: str) -> None:
    data, words = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ValueError, match=r"^x/y\.png: .+") as caught:
            decode_as_seen(data, "x/y.png")
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_file_that_is_cut_off_is_refused(kind: str, share: float) -> None:
    data = encoded(Image.fromarray(COLORS), kind)
    with pytest.raises(ValueError, match=r"^x: "):
        decode_as_seen(data[: int(len(data) * share)], "x")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_random_damage_gives_a_picture_or_one_line(kind: str) -> None:
    rng, whole = np.random.default_rng(1), encoded(Image.fromarray(COLORS), kind)
    for _ in range(60):
        data = bytearray(whole)
        for place in rng.integers(0, min(len(data), 400), 4):
            data[place] = rng.integers(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert decode_as_seen(bytes(data), "x").shape[0] == 3
            except ValueError as error:
                assert str(error).startswith("x: ") and "\n" not in str(error)


def test_a_png_whose_bytes_were_changed_is_refused() -> None:
    data = bytearray(encoded(Image.fromarray(COLORS), "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(ValueError, match=r"^x: "):
        decode_as_seen(bytes(data), "x")
