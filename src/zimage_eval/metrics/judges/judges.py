"""Load the judge of a model, which tells which of a prompt's facts hold in a picture."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from zimage_eval.config.model_spec import JudgeName, ModelSpec
from zimage_eval.metrics.judges.detector import clip_classifier, judge_natural, load_detector
from zimage_eval.metrics.judges.hand_labels import HandLabels, parse_fact, read_hand_labels
from zimage_eval.metrics.judges.vlm import judge_by_questions
from zimage_eval.metrics.networks.clip import load_clip
from zimage_eval.metrics.networks.files import network_path
from zimage_eval.metrics.networks.vision_language import load_vision_language
from zimage_eval.output.png import decode_png, read_png
from zimage_eval.prompts.facts import FactResult, Facts
from zimage_eval.prompts.scenes.checking import check_facts

if TYPE_CHECKING:
    import torch


class Picture(NamedTuple):
    """A picture that is judged."""

    pixels: np.ndarray
    """(height, width, 3) uint8."""
    digest: str
    """First 16 hex digits of its file's sha256; hand labels name it by this in every study."""


Judge = Callable[[Picture, Facts], Sequence[FactResult] | None]
"""A result for each fact that the judge can check; None where the picture was not judged, which
differs from a picture in which nothing holds."""


def load_image(path: Path) -> Picture:
    """A PNG file as a judge sees it.

    Raises:
        ValueError: the file is missing or damaged.
    """
    return decode_picture(read_png(path), str(path))


def decode_picture(png: bytes, where: str = "a picture") -> Picture:
    """The content of a PNG file as a judge sees it.

    Raises:
        ValueError: it is damaged; begins with `where`.
    """
    pixels = decode_png(png, where).permute(1, 2, 0).numpy()
    return Picture(pixels, hashlib.sha256(png).hexdigest()[:16])


def load_judge(spec: ModelSpec, device: "torch.device") -> Judge:
    """The judge that models/<model>.yaml names.

    Raises:
        ValueError: its network or its hand labels are missing, or another file than declared.
    """
    if spec.judge == "scenes":
        return judge_scene
    if spec.judge == "hand_labels":
        assert spec.hand_labels is not None  # checked with the model's settings
        return hand_judge(read_hand_labels(spec.hand_labels))
    if spec.judge == "detector":
        detect = load_detector(network_path("detector", spec.networks["detector"]), device)
        clip = load_clip(network_path("clip", spec.networks["clip"]), device)
        classify = clip_classifier(clip)
        return lambda picture, facts: judge_natural(picture.pixels, facts, detect, classify)
    if spec.judge == "vlm":
        model = load_vision_language(network_path("vlm", spec.networks["vlm"]), device)
        return lambda picture, facts: judge_by_questions(
            picture.pixels, facts, model.yes_probabilities
        )
    return no_judge


def judge_scene(picture: Picture, facts: Facts) -> Sequence[FactResult]:
    """Each fact as the scene checker reads it from the pixels."""
    return check_facts(picture.pixels, facts)


def hand_judge(labels: HandLabels) -> Judge:
    """A judge that gives people's labels of a picture, and None where they labeled nothing."""

    def judge(picture: Picture, facts: Facts) -> Sequence[FactResult] | None:
        answers = labels.get(picture.digest)
        if answers is None:
            return None
        results = [parse_fact(name, "hand_labels") for name in sorted(answers)]
        return [result._replace(held=answers[result.name]) for result in results]

    return judge


def no_judge(picture: Picture, facts: Facts) -> None:
    """Always None: the picture is not judged."""


JUDGES: Mapping[JudgeName, Callable[..., Any]] = {
    "scenes": check_facts,
    "detector": judge_natural,
    "vlm": judge_by_questions,
    "hand_labels": read_hand_labels,
    "none": no_judge,
}
"""The function that decides, by the judge's name; its code is part of a signature."""
