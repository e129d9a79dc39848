"""PP-OCR reads printed text, keeps misspellings, and is silent where there is no text.

With the real weights, which come with the package rapidocr (`pip install 'zimage-eval[ocr]'`).
"""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
import skimage
import torch
from PIL import Image, ImageDraw, ImageFont

from zimage_eval.config.measuring import PinnedFile
from zimage_eval.config.metrics import METRICS
from zimage_eval.metrics.networks import text_reader
from zimage_eval.metrics.networks.files import network_path, weight_files
from zimage_eval.metrics.networks.text_reader import TextReader, load_text_reader
from zimage_eval.metrics.text_rendering.scores import text_cer, text_ned, text_word_accuracy
from zimage_eval.metrics.text_rendering.spelling import words
from zimage_eval.prompts.scenes.drawing import draw_scenes
from zimage_eval.prompts.scenes.world import LETTERS, Scene, SceneObject

SHA256 = "5ff02e508fe41a6f23f2c5fd21718133640e6920c30076bb7b9f377d58c20dd5"
"""Of the three files of rapidocr 3.10, docs/metrics.md says the same."""
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
SIGNS = (
    ("GRAND OPENING", "DejaVuSans", 22),
    ("Grand Opening Sale", "DejaVuSerif", 32),
    ("Fresh Coffee\nOpen Daily", "STIXGeneral", 44),
    ("Z-Image 2026", "DejaVuSansMono", 28),
    ("Hello, world!", "DejaVuSans-Bold", 48),
    ("Lost in translation", "STIXGeneralItalic", 36),
)
MISSPELLED = (
    ("Resturant Openning", "DejaVuSans", 36),
    ("teh quikc brwon fox", "DejaVuSerif", 30),
)
WITHOUT_TEXT = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "grass.png")


@pytest.fixture(scope="module")
def reader() -> TextReader:
    pytest.importorskip("rapidocr", reason="the extra `ocr` is not installed")
    pinned = PinnedFile(path=None, sha256=SHA256)
    return load_text_reader(network_path("ocr", pinned), torch.device("cpu"))


def sign(text: str, font: str, size: int) -> np.ndarray:
    """Black text on gray, (320, 480, 3) uint8."""
    picture = Image.new("RGB", (480, 320), (200, 205, 210))
    letters = ImageFont.truetype(FONTS / f"{font}.ttf", size)
    ImageDraw.Draw(picture).multiline_text((16, 90), text, fill=(20, 20, 60), font=letters)
    return np.asarray(picture)


def quote(text: str) -> str:
    return f'A shop with a sign that says "{text}".'.replace("\n", " ")


def test_printed_text_is_read(reader: TextReader) -> None:
    """Measured: all words but those of one sign in some releases; the bounds leave room for it."""
    pictures = [sign(*entry) for entry in SIGNS]
    prompts = [quote(text) for text, _, _ in SIGNS]
    accuracy = text_word_accuracy(pictures, prompts, reader)
    assert np.mean(np.array(accuracy, dtype=float)) >= 0.9
    assert np.mean(np.array(text_ned(pictures, prompts, reader), dtype=float)) >= 0.97
    assert np.mean(np.array(text_cer(pictures, prompts, reader), dtype=float)) <= 0.03


def test_what_another_prompt_quotes_is_not_there(reader: TextReader) -> None:
    pictures = [sign(*entry) for entry in SIGNS[:3]]
    swapped = [quote("Library Closed")] * 3
    assert text_word_accuracy(pictures, swapped, reader) == [0.0] * 3
    assert min(cer or 0.0 for cer in text_cer(pictures, swapped, reader)) > 0.7


def test_misspellings_are_kept(reader: TextReader) -> None:
    """A reader that corrects them would tell of better pictures than there are."""
    for text, font, size in MISSPELLED:
        assert " ".join(reader.read_lines(sign(text, font, size))) == text


def test_nanos_letters_are_read_and_its_stars_are_no_letters(reader: TextReader) -> None:
    """Measured in red on white: H, L and T are read, U has too little confidence."""

    def drawn(name: str) -> np.ndarray:
        thing = SceneObject(name=name, color="red", size="large", fill="solid", x=32, y=32)
        scene = Scene(objects=(thing,), background="white", style="plain", height=64, width=64)
        return draw_scenes([scene])[0].permute(1, 2, 0).numpy()

    lines = {name: reader.read_lines(drawn(name)) for name in (*LETTERS, "star", "heart")}
    assert words("".join([*lines["star"], *lines["heart"]])) == []  # a star is read as one
    assert all(lines[name] in ([], [name]) for name in LETTERS)
    assert sum(lines[name] == [name] for name in LETTERS) >= 3


def test_photographs_without_text_are_silent(reader: TextReader) -> None:
    folder = Path(skimage.__file__).parent / "data"
    for name in WITHOUT_TEXT:
        photograph = np.asarray(Image.open(folder / name).convert("RGB"))
        assert reader.read_lines(photograph) == [], name


def test_the_gate_is_what_silences_them(
    reader: TextReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it a letter is seen in a cat's fur or a cup: so the gate is no idle setting."""
    monkeypatch.setattr(text_reader, "MIN_CONFIDENCE", 0.5)
    folder = network_path("ocr", PinnedFile(path=None, sha256=SHA256))
    credulous = load_text_reader(folder, torch.device("cpu"))
    cup = Path(skimage.__file__).parent / "data" / "coffee.png"
    assert credulous.read_lines(np.asarray(Image.open(cup))) != []


def test_definitions_say_the_gate() -> None:
    for name in ("text_word_accuracy", "text_ned", "text_cer"):
        assert f"confidence {text_reader.MIN_CONFIDENCE:g} and above" in METRICS[name].mode


def test_a_reader_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no ocr weights at .*three \*\.onnx files"):
        weight_files("ocr", tmp_path)
    (tmp_path / "x_det_y.onnx").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"no ocr weights at .*three \*\.onnx files"):
        weight_files("ocr", tmp_path)


def test_another_release_of_the_weights_is_refused(reader: TextReader) -> None:
    with pytest.raises(ValueError, match=rf"networks\.ocr: .* has sha256 {SHA256}, declared is 0"):
        network_path("ocr", PinnedFile(path=None, sha256="0" * 64))


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zimage_eval.metrics.networks.files.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"rapidocr is not installed: .*zimage-eval\[ocr\]"):
        network_path("ocr", PinnedFile(path=None, sha256=SHA256))
