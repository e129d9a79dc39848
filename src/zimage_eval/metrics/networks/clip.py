"""CLIP: unit embeddings of pictures and texts, and the longest text that it can read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zimage_eval.metrics.networks.files import load_whole

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Clip:
    """A CLIP model in eval mode with its preprocessing."""

    model: Any
    """`CLIPModel`."""
    processor: Any
    """`CLIPProcessor`."""

    @property
    def max_tokens(self) -> int:
        """Most tokens that it can read, with the two that begin and end a text: 77."""
        return int(self.model.config.text_config.max_position_embeddings)

    def count_tokens(self, text: str) -> int:
        """Number of tokens of the whole text, with the two that begin and end it."""
        return len(self.processor.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def embed_images(self, images: Sequence[np.ndarray]) -> NDArray[np.float64]:
        """`(num_images, num_features)` unit rows of (height, width, 3) uint8 pictures.

        CLIP's own preprocessing: the shorter side is resized to the model's (bicubic), then the
        center is cropped.

        Raises:
            ValueError: a picture has another shape or dtype.
        """
        import torch

        self._check(images)
        pixels = self.processor.image_processor(
            list(images), input_data_format="channels_last", return_tensors="pt"
        ).pixel_values
        with torch.inference_mode():
            outputs = self.model.vision_model(pixel_values=pixels.to(self.model.device))
            return _unit_rows(self.model.visual_projection(outputs.pooler_output))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """`(num_texts, num_features)` unit rows.

        Raises:
            ValueError: a text is longer than the model reads; no text is cut silently.
        """
        import torch

        for text in texts:
            if self.count_tokens(text) > self.max_tokens:
                raise ValueError(f"more than {self.max_tokens} tokens: {text!r}")
        tokens = self.processor.tokenizer(list(texts), padding=True, return_tensors="pt")
        with torch.inference_mode():
            outputs = self.model.text_model(**tokens.to(self.model.device))
            return _unit_rows(self.model.text_projection(outputs.pooler_output))

    def _check(self, images: Sequence[np.ndarray]) -> None:
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3:
                raise ValueError(f"want uint8 (height, width, 3), got {image.dtype} {image.shape}")


def load_clip(folder: Path, device: "torch.device") -> Clip:
    """CLIP in float32 from a folder as transformers saves it, tokenizer and preprocessing included.

    Raises:
        ValueError: weights are missing (transformers would initialize them randomly).
        OSError: the folder lacks tokenizer or preprocessing.
    """
    from transformers import CLIPModel, CLIPProcessor

    model = load_whole(CLIPModel, folder, "CLIPModel")
    processor = CLIPProcessor.from_pretrained(folder, local_files_only=True)
    return Clip(model.to(device), processor)


def _unit_rows(embeddings: "torch.Tensor") -> NDArray[np.float64]:
    rows = embeddings.double().cpu().numpy()
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
