"""PNG files keep every pixel and their text, and a damaged file is noticed."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zimage_eval.metrics.judges.judges import load_image
from zimage_eval.output.png import (
    decode_png,
    encode_png,
    pixels_digest,
    read_picture,
    read_pixels,
    read_png_text,
)

IMAGE = torch.arange(3 * 20 * 30).reshape(3, 20, 30).to(torch.uint8)


def test_round_trip_is_exact_and_the_bytes_are_the_same_each_time() -> None:
    data = encode_png(IMAGE, {"made": '{"sigmas": [1.0]}'})
    assert data == encode_png(IMAGE.clone(), {"made": '{"sigmas": [1.0]}'})
    assert torch.equal(decode_png(data), IMAGE)
    assert read_png_text(data) == {"made": '{"sigmas": [1.0]}'}
    assert np.array_equal(np.array(Image.open(io.BytesIO(data))), IMAGE.permute(1, 2, 0).numpy())


def test_digest_is_of_the_picture_whatever_else_its_file_holds() -> None:
    files = [encode_png(IMAGE, text) for text in ({}, {"made": "later"})]
    digests = {pixels_digest(decode_png(data)) for data in files}
    whole = hashlib.sha256(b"(3, 20, 30)" + IMAGE.numpy().tobytes()).hexdigest()
    assert digests == {whole}
    turned = IMAGE.reshape(3, 30, 20)  # the same bytes
    changed = IMAGE.clone()
    changed[2, 19, 29] ^= 1
    views = IMAGE.transpose(1, 2).contiguous().transpose(1, 2)  # the same values, laid otherwise
    assert pixels_digest(views) == whole
    assert len({whole, pixels_digest(turned), pixels_digest(changed)}) == 3


@pytest.mark.parametrize("keep", [0, 8, 100, -1, -12, -13])
def test_cut_off_file_is_refused(keep: int) -> None:
    with pytest.raises(ValueError, match="not a whole PNG file"):
        decode_png(encode_png(IMAGE, {})[:keep])


def test_damaged_file_is_refused() -> None:
    data = bytearray(encode_png(IMAGE, {}))
    data[len(data) // 2] ^= 1
    with pytest.raises(ValueError, match="not a whole PNG file"):
        decode_png(bytes(data))


def test_other_formats_are_refused() -> None:
    for mode in ("L", "RGBA", "P"):
        buffer = io.BytesIO()
        Image.new(mode, (4, 4)).save(buffer, "PNG")
        with pytest.raises(ValueError, match=f"is {mode}, not 8-bit RGB"):
            decode_png(buffer.getvalue())


def test_a_damaged_picture_of_a_study_is_named(tmp_path: Path) -> None:
    whole = encode_png(IMAGE, {})
    for data, why in ((b"", "its end"), (whole[:-30], "its end"), (b"<html>", "its end")):
        (tmp_path / "a.png").write_bytes(data)
        for read in (read_picture, read_pixels, load_image):
            with pytest.raises(ValueError, match=rf"^{tmp_path}/a\.png: .*{why}"):
                read(tmp_path / "a.png")
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: PNG file is L"):
        read_picture(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(whole)
    assert np.array_equal(read_pixels(tmp_path / "a.png"), IMAGE.permute(1, 2, 0).numpy())
