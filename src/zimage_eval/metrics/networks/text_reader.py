"""The reader of text in pictures: PP-OCR as the package rapidocr brings it, on the CPU."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zimage_eval.metrics.networks.files import OCR_PARTS, weight_files

if TYPE_CHECKING:
    import torch

MIN_CONFIDENCE = 0.9
"""Least confidence of a line that counts. Printed text has 0.95 and more; in photographs without
text PP-OCR sees a letter or two with up to 0.9."""
MAX_REMEMBERED = 64
"""Pictures whose lines are remembered, so that three metrics read each picture once."""


class TextReader:
    """Reads the lines of text in a picture."""

    def __init__(self, read: Callable[[np.ndarray], list[str]]) -> None:
        """A reader by a function of (height, width, 3) uint8 pixels."""
        self._read = read
        self._lines: dict[bytes, list[str]] = {}

    def read_lines(self, image: np.ndarray) -> list[str]:
        """The lines that are read with enough confidence, from the top.

        Args:
            image: (height, width, 3) uint8.
        """
        key = hashlib.sha256(image.tobytes() + str(image.shape).encode()).digest()
        if key not in self._lines:
            if len(self._lines) >= MAX_REMEMBERED:
                self._lines.pop(next(iter(self._lines)))
            self._lines[key] = self._read(image)
        return self._lines[key]


def load_text_reader(folder: Path, device: "torch.device") -> TextReader:
    """PP-OCR from its three files; one thread, so that results don't depend on the machine's cores.

    Args:
        folder: of the *.onnx files, as `network_path` finds it.
        device: not used, the reader runs on the CPU.

    Raises:
        ValueError: there are no three such files.
    """
    import onnxruntime
    from rapidocr import RapidOCR

    onnxruntime.set_default_logger_severity(3)
    files = weight_files("ocr", folder)
    options: dict[str, object] = {
        "Global.text_score": MIN_CONFIDENCE,
        "Global.log_level": "error",
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    for part in OCR_PARTS:
        [file] = [file for file in files if f"_{part}_" in file.name]
        options[f"{part.capitalize()}.model_path"] = str(file)
    recognize = RapidOCR(params=options)

    def read(image: np.ndarray) -> list[str]:
        output = recognize(np.ascontiguousarray(image[..., ::-1]))  # it takes BGR
        return list(output.txts or ())

    return TextReader(read)
