"""Things found in a picture by their names, with a zero-shot detector of transformers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zimage_eval.networks import load_whole

if TYPE_CHECKING:
    import torch

LEAST_SCORE: Mapping[str, float] = {"owlvit": 0.1, "owlv2": 0.2, "grounding-dino": 0.35}
"""Score from which a box counts, by the model's type: near what their authors show. How good it is
for a prompt set, hand labels tell (reports/judge.json)."""
MAX_OVERLAP = 0.5
"""Intersection over union above which two boxes of one name are the same thing."""


class Detection(NamedTuple):
    """One thing found."""

    name: str
    score: float
    box: tuple[float, float, float, float]
    """Left, top, right, bottom, px."""

    @property
    def center(self) -> tuple[float, float]:
        """Column and row of the box's center."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


Detector = Callable[[np.ndarray, Sequence[str]], list[Detection]]
"""(height, width, 3) uint8 picture and the names to look for -> what is there, best first."""


def load_detector(folder: Path, device: "torch.device") -> Detector:
    """OWL-ViT, OWLv2 or Grounding DINO from a folder as transformers saves it.

    Raises:
        ValueError: it is another model, or weights are missing.
        OSError: the folder lacks tokenizer or preprocessing.
    """
    import torch
    from transformers import AutoConfig, AutoModelForZeroShotObjectDetection, AutoProcessor

    kind = AutoConfig.from_pretrained(folder, local_files_only=True).model_type
    if kind not in LEAST_SCORE:
        raise ValueError(f"{folder} is {kind!r}, detectors are {', '.join(LEAST_SCORE)}")
    model = load_whole(AutoModelForZeroShotObjectDetection, folder, kind).to(device)
    processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
    look = _look_one_by_one if kind == "grounding-dino" else _look_for_all

    def detect(image: np.ndarray, names: Sequence[str]) -> list[Detection]:
        with torch.inference_mode():
            found = look(model, processor, image, list(dict.fromkeys(names)), LEAST_SCORE[kind])
        return distinct(found)

    return detect


def distinct(found: Sequence[Detection]) -> list[Detection]:
    """Best first, without boxes that mostly cover a better one of the same name."""
    kept: list[Detection] = []
    for one in sorted(found, key=lambda each: -each.score):
        if all(one.name != k.name or overlap(one.box, k.box) <= MAX_OVERLAP for k in kept):
            kept.append(one)
    return kept


def overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (sum(areas) - shared) if shared else 0.0


def _look_for_all(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    image: np.ndarray,
    names: list[str],
    least: float,
) -> list[Detection]:
    """OWL: a box has the name whose description fits best."""
    texts = [f"a photo of a {name}" for name in names]
    longest = processor.tokenizer.model_max_length
    for text in texts:
        if len(processor.tokenizer(text)["input_ids"]) > longest:
            raise ValueError(f"the detector reads {longest} tokens, {text!r} has more")
    inputs = processor(text=[texts], images=image, return_tensors="pt").to(model.device)
    [found] = processor.post_process_grounded_object_detection(
        model(**inputs), threshold=least, target_sizes=[image.shape[:2]]
    )
    return _detections([names[int(label)] for label in found["labels"]], found, image)


def _look_one_by_one(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    image: np.ndarray,
    names: list[str],
    least: float,
) -> list[Detection]:
    """Grounding DINO: asked for several names at once it answers with phrases made of them."""
    detections = []
    for name in names:
        inputs = processor(text=f"{name.lower()}.", images=image, return_tensors="pt")
        inputs = inputs.to(model.device)
        [found] = processor.post_process_grounded_object_detection(
            model(**inputs), inputs.input_ids, threshold=least, target_sizes=[image.shape[:2]]
        )
        detections += _detections([name] * len(found["scores"]), found, image)
    return detections


def _detections(
    names: Sequence[str], found: Mapping[str, Any], image: np.ndarray
) -> list[Detection]:
    """Those of the boxes that lie in the picture, cut to it: OWL sees it padded to a square."""
    height, width = image.shape[:2]
    detections = []
    for name, score, box in zip(names, found["scores"].tolist(), found["boxes"], strict=True):
        left, right = box[[0, 2]].clamp(0, width).tolist()
        top, bottom = box[[1, 3]].clamp(0, height).tolist()
        if left < right and top < bottom:
            detections.append(Detection(name, score, (left, top, right, bottom)))
    return detections
