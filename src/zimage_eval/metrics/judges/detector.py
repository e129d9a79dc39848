"""The judge of natural prompts: a zero-shot object detector, and a CLIP for colors and styles."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zimage_eval.metrics.networks.clip import Clip
from zimage_eval.metrics.networks.files import load_whole
from zimage_eval.prompts.facts import (
    DETECTED_COLORS,
    DETECTED_STYLES,
    FactResult,
    Facts,
    ObjectFact,
    RelationFact,
)
from zimage_eval.prompts.scenes.world import nearest_position, stands_in_relation

if TYPE_CHECKING:
    import torch

MIN_SCORE: Mapping[str, float] = {"owlvit": 0.1, "owlv2": 0.2, "grounding-dino": 0.35}
"""Smallest score of a box that counts, by the model's type: close to the values that its authors
use. Hand labels show how well it works for a prompt set (reports/judge.json)."""
MAX_OVERLAP = 0.5
"""Two boxes of one name with a larger intersection over union are the same object."""
MIN_OFFSET = 0.05
"""Least offset of two centers that stand in a relation, as a share of the shorter side."""


class Detection(NamedTuple):
    """A box in which a detector sees an object of a name."""

    name: str
    score: float
    box: tuple[float, float, float, float]
    """Left, top, right and bottom edge, px."""

    @property
    def center(self) -> tuple[float, float]:
        """Column and row of the box's center, px."""
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2


class Instance(NamedTuple):
    """A detected object and its color."""

    name: str
    color: str
    """Empty if no fact states a color for this name."""
    center: tuple[float, float]


Detector = Callable[[np.ndarray, Sequence[str]], list[Detection]]
"""(height, width, 3) uint8 picture and names -> the objects of these names, best first."""
Classifier = Callable[[np.ndarray, Sequence[str]], int]
"""(height, width, 3) uint8 picture and texts -> index of the text that fits best."""


def load_detector(folder: Path, device: "torch.device") -> Detector:
    """OWL-ViT, OWLv2 or Grounding DINO from a folder as transformers saves it.

    Raises:
        ValueError: it is another kind of model, or weights are missing.
        OSError: the folder lacks tokenizer or preprocessing.
    """
    import torch
    from transformers import AutoConfig, AutoModelForZeroShotObjectDetection, AutoProcessor

    kind = AutoConfig.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    ).model_type
    if kind not in MIN_SCORE:
        raise ValueError(f"{folder} is {kind!r}, detectors are {', '.join(MIN_SCORE)}")
    model = load_whole(AutoModelForZeroShotObjectDetection, folder, kind).to(device)
    processor = AutoProcessor.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    run_model = _detect_one_by_one if kind == "grounding-dino" else _detect_at_once

    def detect(image: np.ndarray, names: Sequence[str]) -> list[Detection]:
        with torch.inference_mode():
            detections = run_model(
                model, processor, image, list(dict.fromkeys(names)), MIN_SCORE[kind]
            )
        return drop_duplicates(detections)

    return detect


def clip_classifier(clip: Clip) -> Classifier:
    """A classifier that picks the text whose CLIP embedding is nearest to the picture's."""

    def classify(image: np.ndarray, texts: Sequence[str]) -> int:
        return int((clip.embed_texts(texts) @ clip.embed_images([image])[0]).argmax())

    return classify


def judge_natural(
    image: np.ndarray, facts: Facts, detect: Detector, classify: Classifier
) -> list[FactResult]:
    """Whether each fact that can be checked holds in a picture `(height, width, 3)` uint8.

    Detections match an object fact by name and, where one is stated, by color. The shape holds if
    the name is detected at all, the color if at least the stated number matches, the count if
    exactly the stated number matches.
    """
    detections = detect(image, [fact.name for fact in facts.objects])
    colored = {fact.name for fact in facts.objects if fact.color is not None}
    instances = []
    for detection in detections:
        color = _color(image, detection, classify) if detection.name in colored else ""
        instances.append(Instance(detection.name, color, detection.center))
    results = []
    for index, fact in enumerate(facts.objects):
        results += _check_object(index, fact, instances, image.shape)
    for index, relation in enumerate(facts.relations):
        held = _check_relation(relation, facts, instances, image.shape)
        results.append(FactResult("relation", held, index))
    if facts.style in DETECTED_STYLES:
        best = DETECTED_STYLES[classify(image, [f"a {style}" for style in DETECTED_STYLES])]
        results.append(FactResult("style", best == facts.style))
    return results


def drop_duplicates(detections: Sequence[Detection]) -> list[Detection]:
    """Best first, without the boxes that mostly cover a better one of the same name."""
    kept: list[Detection] = []
    for best in sorted(detections, key=lambda detection: -detection.score):
        if all(best.name != k.name or box_overlap(best.box, k.box) <= MAX_OVERLAP for k in kept):
            kept.append(best)
    return kept


def box_overlap(first: Sequence[float], second: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, right, bottom), in [0, 1]."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return shared / (sum(areas) - shared) if shared else 0.0


def _detect_at_once(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    image: np.ndarray,
    names: list[str],
    min_score: float,
) -> list[Detection]:
    """OWL: all names in one run; each box gets the name whose description fits best."""
    texts = [f"a photo of a {name}" for name in names]
    max_tokens = processor.tokenizer.model_max_length
    for text in texts:
        if len(processor.tokenizer(text)["input_ids"]) > max_tokens:
            raise ValueError(f"the detector reads {max_tokens} tokens, {text!r} has more")
    inputs = processor(text=[texts], images=image, return_tensors="pt").to(model.device)
    [boxes] = processor.post_process_grounded_object_detection(
        model(**inputs), threshold=min_score, target_sizes=[image.shape[:2]]
    )
    return _detections([names[int(label)] for label in boxes["labels"]], boxes, image)


def _detect_one_by_one(
    model: Any,  # noqa: ANN401 - transformers is untyped
    processor: Any,  # noqa: ANN401
    image: np.ndarray,
    names: list[str],
    min_score: float,
) -> list[Detection]:
    """Grounding DINO: a run for each name, because with several it returns mixtures of them."""
    detections = []
    for name in names:
        inputs = processor(text=f"{name.lower()}.", images=image, return_tensors="pt")
        inputs = inputs.to(model.device)
        [boxes] = processor.post_process_grounded_object_detection(
            model(**inputs), inputs.input_ids, threshold=min_score, target_sizes=[image.shape[:2]]
        )
        detections += _detections([name] * len(boxes["scores"]), boxes, image)
    return detections


def _detections(
    names: Sequence[str], boxes: Mapping[str, Any], image: np.ndarray
) -> list[Detection]:
    """The boxes, cut to the picture; a box in OWL's padding to a square is dropped."""
    height, width = image.shape[:2]
    detections = []
    for name, score, box in zip(names, boxes["scores"].tolist(), boxes["boxes"], strict=True):
        left, right = box[[0, 2]].clamp(0, width).tolist()
        top, bottom = box[[1, 3]].clamp(0, height).tolist()
        if left < right and top < bottom:
            detections.append(Detection(name, score, (left, top, right, bottom)))
    return detections


def _check_object(
    index: int, fact: ObjectFact, instances: Sequence[Instance], shape: tuple[int, ...]
) -> list[FactResult]:
    same_name = [instance for instance in instances if instance.name == fact.name]
    matching = _matching(fact, instances)
    results = [FactResult("shape", bool(same_name), index)]
    if fact.color is not None:
        results.append(FactResult("color", len(matching) >= fact.count, index))
    results.append(FactResult("count", len(matching) == fact.count, index))
    if fact.position is not None:
        height, width = shape[:2]
        positions = [nearest_position(*match.center, width, height) for match in matching]
        held = len(positions) >= fact.count and set(positions) == {fact.position}
        results.append(FactResult("position", held, index))
    return results


def _check_relation(
    relation: RelationFact, facts: Facts, instances: Sequence[Instance], shape: tuple[int, ...]
) -> bool:
    """Whether some instance of the subject stands in the relation to one of the object."""
    subjects, landmarks = (
        _matching(facts.objects[index], instances) for index in (relation.subject, relation.object)
    )
    min_offset = MIN_OFFSET * min(shape[:2])
    return any(
        stands_in_relation(subject.center, relation.relation, landmark.center, min_offset)
        for subject in subjects
        for landmark in landmarks
        if subject is not landmark
    )


def _matching(fact: ObjectFact, instances: Sequence[Instance]) -> list[Instance]:
    """The instances of a fact's name and, where it states one, its color."""
    return [
        instance
        for instance in instances
        if instance.name == fact.name and fact.color in (None, instance.color)
    ]


def _color(image: np.ndarray, detection: Detection, classify: Classifier) -> str:
    """The color that fits the picture inside a box best."""
    left, top, right, bottom = detection.box
    rows = slice(math.floor(top), math.ceil(bottom))
    columns = slice(math.floor(left), math.ceil(right))
    crop = np.ascontiguousarray(image[rows, columns])
    texts = [f"a {color} {detection.name}" for color in DETECTED_COLORS]
    return DETECTED_COLORS[classify(crop, texts)]
