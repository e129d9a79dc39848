"""What a models/<model>.yaml may say of measuring, and that the committed ones say it."""

from typing import Any

import pytest

from tests.support.repository import ROOT
from zimage_eval.config.frozen import parse, read_yaml
from zimage_eval.config.measuring import FolderReference, SceneReference
from zimage_eval.config.model_spec import ModelSpec, load_model_spec

MODELS = ROOT / "models"
PINNED = {"path": "somewhere", "sha256": "0" * 64}


def spec(**changes: Any) -> ModelSpec:  # noqa: ANN401
    written = read_yaml(MODELS / "nano.yaml")
    for key, value in changes.items():
        group, _, leaf = key.partition("__")
        if leaf:
            written[group][leaf] = value
        else:
            written[group] = value
    return parse(written, ModelSpec, "nano.yaml")


def test_the_default_model_is_measured_offline() -> None:
    declared = load_model_spec(MODELS / "nano.yaml")
    assert declared.distribution.backbones == ("alexnet", "vae")
    assert isinstance(declared.distribution.reference, SceneReference)
    assert declared.networks == {}


def test_a_backbone_from_outside_must_be_declared() -> None:
    with pytest.raises(ValueError, match="backbone 'clip' needs networks: clip"):
        spec(distribution__backbones=["clip"])
    assert spec(distribution__backbones=["clip"], networks={"clip": PINNED})
    with pytest.raises(ValueError, match=r"distribution\.backbones"):
        spec(distribution__backbones=[])


def test_a_judge_needs_what_it_looks_with() -> None:
    with pytest.raises(ValueError, match="judge 'detector' needs networks: detector, clip"):
        spec(judge="detector")
    with pytest.raises(ValueError, match="needs networks: clip"):
        spec(judge="detector", networks={"detector": PINNED})
    with pytest.raises(ValueError, match="judge 'hand_labels' needs hand_labels"):
        spec(judge="hand_labels")
    assert spec(judge="hand_labels", hand_labels=PINNED)


def test_a_digest_is_one() -> None:
    with pytest.raises(ValueError, match=r"networks\.clip\.sha256"):
        spec(networks={"clip": {"path": "x", "sha256": "abc"}})
    with pytest.raises(ValueError, match=r"networks\.inceptoin"):
        spec(networks={"inceptoin": PINNED})


def test_the_reference_is_one_of_three() -> None:
    folder = {"source": "folder", "path": "x", "sha256": "0" * 64}
    assert isinstance(spec(distribution__reference=folder).distribution.reference, FolderReference)
    assert spec(distribution__reference={"source": "baseline"})
    with pytest.raises(ValueError, match=r"num_images"):
        spec(distribution__reference={"source": "scenes", "num_images": 0})
    with pytest.raises(ValueError, match=r"distribution\.reference"):
        spec(distribution__reference={"source": "photos"})
    with pytest.raises(ValueError, match="'scenes' is for the prompt set 'scenes' alone"):
        spec(prompt_sets={"main": "natural"}, judge="none")
