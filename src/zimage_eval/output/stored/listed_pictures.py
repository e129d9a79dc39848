"""Pictures that an image table lists, held to the pixels that it states of them."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zimage_eval.output.png import decode_png, pixels_digest, read_png

if TYPE_CHECKING:
    import torch


class ListedPicture:
    """A picture's file, and the pixels that it must have. Nothing is read before it is asked."""

    def __init__(self, path: Path, pixels: str) -> None:
        """Keep a file's path and the `pixels_digest` that its row states."""
        self.path = path
        self.pixels = pixels

    @cached_property
    def file_digest(self) -> str:
        """SHA-256 of the file's bytes in hex digits.

        Raises:
            ValueError: there is no such file.
        """
        return hashlib.sha256(read_png(self.path)).hexdigest()

    def read(self) -> "torch.Tensor":
        """`(3, height, width)` uint8.

        Raises:
            ValueError: the file is missing, damaged, or has other pixels than stated; names it.
        """
        image = decode_png(read_png(self.path), str(self.path))
        if pixels_digest(image) != self.pixels:
            raise ValueError(
                f"{self.path}: has other pixels than the image table lists; somebody changed the "
                "file after it was drawn: remove its folder and draw the study again"
            )
        return image

    def check(self, checked_files: set[str]) -> None:
        """Hold a file to its pixels, unless its bytes are those of a file that was held to them.

        Args:
            checked_files: digests of files that have these pixels.

        Raises:
            ValueError: as `read`.
        """
        if self.file_digest not in checked_files:
            self.read()
