from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.models.tiny_clip import build_tiny_clip
from tests.support.models.tiny_detectors import build_tiny_dino, build_tiny_owl
from tests.support.repository import ROOT
from zimage_eval.config.model_spec import ModelSpec, load_model_spec
from zimage_eval.metrics.judges.detector import (
    Detection,
    Detector,
    box_overlap,
    clip_classifier,
    drop_duplicates,
    judge_natural,
    load_detector,
)
from zimage_eval.metrics.networks.clip import load_clip
from zimage_eval.metrics.networks.files import sha256_of
from zimage_eval.prompts.facts import (
    DETECTED_COLORS,
    DETECTED_STYLES,
    Facts,
    ObjectFact,
    RelationFact,
)
from zimage_eval.prompts.sets import load_prompt_set

CPU = torch.device("cpu")
SIDE = 100
PALETTE = {"red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 255, 0)}
Thing = tuple[str, str, int, int]
"""Name, color, column and row of the center."""


def picture(*things: Thing) -> np.ndarray:
    """A gray picture with a square of ten pixels for each thing."""
    pixels = np.full((SIDE, SIDE, 3), 128, dtype=np.uint8)
    for _, color, x, y in things:
        pixels[y - 5 : y + 5, x - 5 : x + 5] = PALETTE[color]
    return pixels


def finds(*things: Thing) -> Detector:
    """A detector that knows what is there, and answers what it is asked for."""

    def detect(image: np.ndarray, names: Sequence[str]) -> list[Detection]:
        return [
            Detection(name, 0.9, (x - 5.0, y - 5.0, x + 5.0, y + 5.0))
            for name, _, x, y in things
            if name in names
        ]

    return detect


def classify(image: np.ndarray, texts: Sequence[str]) -> int:
    """The color of a crop; a whole picture is a watercolor."""
    if image.shape[0] == SIDE:
        return list(texts).index("a watercolor")
    color = {rgb: name for name, rgb in PALETTE.items()}[tuple(image[5, 5].tolist())]
    return [text.split()[1] for text in texts].index(color)


def judge(facts: Facts, *things: Thing) -> dict[str, bool]:
    results = judge_natural(picture(*things), facts, finds(*things), classify)
    return {result.name: result.held for result in results}


CUPS = Facts(objects=(ObjectFact(name="cup", color="red", count=2),))


def test_a_thing_is_its_name_and_its_color() -> None:
    red, other, blue = ("cup", "red", 20, 20), ("cup", "red", 60, 20), ("cup", "blue", 20, 70)
    assert judge(CUPS, red, other) == {"shape 0": True, "color 0": True, "count 0": True}
    assert judge(CUPS, red, other, blue) == {"shape 0": True, "color 0": True, "count 0": True}
    assert judge(CUPS, red, blue) == {"shape 0": True, "color 0": False, "count 0": False}
    third = ("cup", "red", 60, 70)
    assert judge(CUPS, red, other, third) == {"shape 0": True, "color 0": True, "count 0": False}
    assert judge(CUPS) == {"shape 0": False, "color 0": False, "count 0": False}


def test_without_a_color_every_one_counts() -> None:
    facts = Facts(objects=(ObjectFact(name="cup"),))
    assert judge(facts, ("cup", "blue", 20, 20)) == {"shape 0": True, "count 0": True}
    two = judge(facts, ("cup", "blue", 20, 20), ("cup", "red", 60, 20))
    assert two == {"shape 0": True, "count 0": False}


def test_two_entries_of_one_name_are_told_apart_by_color() -> None:
    facts = Facts(
        objects=(
            ObjectFact(name="vase", color="blue"),
            ObjectFact(name="vase", color="green"),
        ),
        relations=(RelationFact(subject=0, relation="left_of", object=1),),
    )
    right = judge(facts, ("vase", "blue", 20, 50), ("vase", "green", 70, 50))
    assert set(right.values()) == {True}
    swapped = judge(facts, ("vase", "green", 20, 50), ("vase", "blue", 70, 50))
    assert [name for name, held in swapped.items() if not held] == ["relation 0"]
    one_color = judge(facts, ("vase", "blue", 20, 50), ("vase", "blue", 70, 50))
    held = {"shape 0", "shape 1", "color 0"}
    assert {name for name, holds in one_color.items() if holds} == held


@pytest.mark.parametrize(
    ("relation", "x", "y"),
    [("left_of", 20, 52), ("right_of", 90, 52), ("above", 52, 10), ("below", 52, 90)],
)
def test_relations_are_the_viewers(relation: str, x: int, y: int) -> None:
    for asked in ("left_of", "right_of", "above", "below"):
        facts = Facts(
            objects=(ObjectFact(name="cup"), ObjectFact(name="bowl")),
            relations=(RelationFact(subject=0, relation=asked, object=1),),
        )
        found = judge(facts, ("cup", "red", x, y), ("bowl", "blue", 50, 50))
        assert found["relation 0"] == (asked == relation)
        near = judge(facts, ("cup", "red", 51, 50), ("bowl", "blue", 50, 50))
        assert not near["relation 0"]
        assert not judge(facts, ("cup", "red", x, y))["relation 0"]


def test_positions_are_parts_of_the_picture() -> None:
    facts = Facts(objects=(ObjectFact(name="cup", position="left"),))
    assert judge(facts, ("cup", "red", 20, 50))["position 0"]
    assert not judge(facts, ("cup", "red", 80, 50))["position 0"]
    assert not judge(facts)["position 0"]


def test_a_medium_is_classified_and_what_it_can_not_see_has_no_result() -> None:
    facts = Facts(objects=(ObjectFact(name="cup"),), background="beach", style="watercolor")
    assert judge(facts)["style"] is True
    assert judge(facts.model_copy(update={"style": "oil painting"}))["style"] is False
    assert "background" not in judge(facts)
    assert "style" not in judge(facts.model_copy(update={"style": "stained glass"}))
    sized = Facts(objects=(ObjectFact(name="cup", size="large", fill="striped"),))
    assert set(judge(sized)) == {"shape 0", "count 0"}


def test_every_natural_color_and_medium_is_known() -> None:
    prompts = load_prompt_set(ROOT / "prompts/natural")
    assert {o.color for p in prompts for o in p.facts.objects} - {None} <= set(DETECTED_COLORS)
    assert {p.facts.style for p in prompts} - {None} <= set(DETECTED_STYLES)


def test_boxes_of_one_thing_count_once() -> None:
    best = Detection("cup", 0.9, (0, 0, 10, 10))
    same, beside = Detection("cup", 0.5, (1, 0, 11, 10)), Detection("cup", 0.4, (8, 0, 18, 10))
    bowl = Detection("bowl", 0.3, (0, 0, 10, 10))
    assert drop_duplicates([same, beside, bowl, best]) == [best, beside, bowl]
    assert box_overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert box_overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0.0


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("networks")
    build_tiny_owl(folder / "owl")
    build_tiny_dino(folder / "dino")
    build_tiny_clip(folder / "clip")
    return folder


@pytest.mark.parametrize("name", ["owl", "dino"])
def test_a_detector_loads_from_a_folder(
    networks: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random weights: boxes are nonsense, but lie in the picture and are the same every time."""
    monkeypatch.setattr(
        "zimage_eval.metrics.judges.detector.MIN_SCORE", {"owlv2": 0.0, "grounding-dino": 0.0}
    )
    image = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    found = load_detector(networks / name, CPU)(image, ["cat", "dog", "cat"])
    assert found and {each.name for each in found} <= {"cat", "dog"}
    assert found == load_detector(networks / name, CPU)(image, ["cat", "dog"])
    for each in found:
        left, top, right, bottom = each.box
        assert 0 <= left < right <= 80 and 0 <= top < bottom <= 48
    assert [each.score for each in found] == sorted((e.score for e in found), reverse=True)


def test_weak_boxes_do_not_count(networks: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    found = load_detector(networks / "owl", CPU)(image, ["cat", "dog"])
    assert all(each.score > 0.2 for each in found)


def test_a_name_that_is_too_long_is_refused(networks: Path) -> None:
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    with pytest.raises(ValueError, match="reads 30 tokens, 'a photo of a cccccc"):
        load_detector(networks / "owl", CPU)(image, ["cat", "c" * 30])


def test_another_model_and_missing_weights_are_refused(networks: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is 'clip', detectors are owlvit"):
        load_detector(networks / "clip", CPU)
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(networks / "owl", tmp_path / "owl")
    weights = load_file(networks / "owl" / "model.safetensors")
    del weights["box_head.dense0.weight"]
    save_file(weights, tmp_path / "owl/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 weights of owlv2: box_head\.dense0"):
        load_detector(tmp_path / "owl", CPU)


def declared(networks: Path) -> ModelSpec:
    from zimage_eval.config.measuring import PinnedFile

    pinned = {
        name: PinnedFile(
            path=str(networks / folder),
            sha256=sha256_of([networks / folder / "model.safetensors"]),
        )
        for name, folder in (("detector", "owl"), ("clip", "clip"))
    }
    spec = load_model_spec(ROOT / "models" / "nano.yaml")
    return spec.model_copy(update={"judge": "detector", "networks": pinned})


def test_the_judge_is_loaded_as_declared(networks: Path) -> None:
    from zimage_eval.metrics.judges.judges import Picture, load_judge

    judge = load_judge(declared(networks), CPU)
    facts = Facts(objects=(ObjectFact(name="cat", color="red"),), style="watercolor")
    image = np.random.default_rng(0).integers(0, 256, (48, 80, 3), dtype=np.uint8)
    results = judge(Picture(image, ""), facts)
    assert results is not None
    assert {result.name for result in results} == {"shape 0", "color 0", "count 0", "style"}


def test_clip_picks_the_nearest_text(networks: Path) -> None:
    clip = load_clip(networks / "clip", CPU)
    image = np.random.default_rng(0).integers(0, 256, (3, 9, 3), dtype=np.uint8)  # like channels
    texts = ["a red cup", "a blue cup", "x"]
    cosines = clip.embed_texts(texts) @ clip.embed_images([image])[0]
    assert clip_classifier(clip)(image, texts) == int(np.argmax(cosines))
