"""Things found in a picture by their names, with a zero-shot detector of transformers."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zimage_eval.metrics.networks.clip import Clip
from zimage_eval.metrics.networks.files import load_whole
from zimage_eval.prompts.facts import DETECTED_COLORS, FactResult, Facts, ObjectFact, RelationFact
from zimage_eval.prompts.scenes.world import nearest_position, stands_in_relation

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

    kind = AutoConfig.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    ).model_type
    if kind not in LEAST_SCORE:
        raise ValueError(f"{folder} is {kind!r}, detectors are {', '.join(LEAST_SCORE)}")
    model = load_whole(AutoModelForZeroShotObjectDetection, folder, kind).to(device)
    processor = AutoProcessor.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
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


STYLES = (
    "photograph",
    "oil painting",
    "watercolor",
    "illustration",
    "cartoon",
    "pixel art",
    "pencil drawing",
    "colored pencil drawing",
    "woodblock print",
    "linocut print",
    "comic book illustration",
    "collage",
)
LEAST_OFFSET = 0.05
"""Share of the picture's shorter side that two centers must lie apart to stand in a relation."""

Classifier = Callable[[np.ndarray, Sequence[str]], int]
"""(height, width, 3) uint8 picture and texts -> index of the text that fits best."""


class Instance(NamedTuple):
    """A thing that a detector found, and its color."""

    name: str
    color: str
    center: tuple[float, float]


def clip_classifier(clip: Clip) -> Classifier:
    """The text whose embedding is nearest to the picture's."""

    def classify(image: np.ndarray, texts: Sequence[str]) -> int:
        return int((clip.embed_texts(texts) @ clip.embed_images([image])[0]).argmax())

    return classify


def judge_natural(
    image: np.ndarray, facts: Facts, detect: Detector, classify: Classifier
) -> list[FactResult]:
    """Whether each fact that can be checked holds in a picture `(height, width, 3)` uint8.

    An object is a thing of its name and, where one is stated, its color: the shape holds when the
    name is found, the color when as many of them as stated have it, the count when exactly so many
    things of name and color are found.
    """
    found = detect(image, [fact.name for fact in facts.objects])
    colored = {fact.name for fact in facts.objects if fact.color is not None}
    instances = []
    for each in found:
        color = _color(image, each, classify) if each.name in colored else ""
        instances.append(Instance(each.name, color, each.center))
    results = []
    for index, fact in enumerate(facts.objects):
        results += _check_object(index, fact, instances, image.shape)
    for index, relation in enumerate(facts.relations):
        held = _check_relation(relation, facts, instances, image.shape)
        results.append(FactResult("relation", held, index))
    if facts.style in STYLES:
        best = STYLES[classify(image, [f"a {style}" for style in STYLES])]
        results.append(FactResult("style", best == facts.style))
    return results


def _check_object(
    index: int, fact: ObjectFact, instances: Sequence[Instance], shape: tuple[int, ...]
) -> list[FactResult]:
    named = [each for each in instances if each.name == fact.name]
    meant = _meant(fact, instances)
    results = [FactResult("shape", bool(named), index)]
    if fact.color is not None:
        results.append(FactResult("color", len(meant) >= fact.count, index))
    results.append(FactResult("count", len(meant) == fact.count, index))
    if fact.position is not None:
        height, width = shape[:2]
        places = [nearest_position(*each.center, width, height) for each in meant]
        held = len(places) >= fact.count and set(places) == {fact.position}
        results.append(FactResult("position", held, index))
    return results


def _check_relation(
    relation: RelationFact, facts: Facts, instances: Sequence[Instance], shape: tuple[int, ...]
) -> bool:
    """Whether some pair of what is meant stands in the relation."""
    subjects, others = (
        _meant(facts.objects[index], instances) for index in (relation.subject, relation.object)
    )
    least = LEAST_OFFSET * min(shape[:2])
    return any(
        stands_in_relation(one.center, relation.relation, other.center, least)
        for one in subjects
        for other in others
        if one is not other
    )


def _meant(fact: ObjectFact, instances: Sequence[Instance]) -> list[Instance]:
    """The things of a fact's name and color."""
    return [
        each for each in instances if each.name == fact.name and fact.color in (None, each.color)
    ]


def _color(image: np.ndarray, found: Detection, classify: Classifier) -> str:
    """The color of what is inside a box."""
    left, top, right, bottom = found.box
    rows = slice(math.floor(top), math.ceil(bottom))
    columns = slice(math.floor(left), math.ceil(right))
    crop = np.ascontiguousarray(image[rows, columns])
    texts = [f"a {color} {found.name}" for color in DETECTED_COLORS]
    return DETECTED_COLORS[classify(crop, texts)]
