from importlib import metadata

import pytest

from tests.support.projects.distribution_settings import SCENES, settings
from tests.support.repository import ROOT
from zimage_eval.config.measuring import ALEXNET_SHA256, PinnedFile
from zimage_eval.config.metrics import METRICS, available_metrics
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.set_metrics import set_metrics
from zimage_eval.metrics.signatures import check_same_networks
from zimage_eval.metrics.signing import image_signatures, set_signatures

SPEC = load_model_spec(ROOT / "models" / "nano.yaml")
MADE = {"alexnet": {"name": "alexnet", "weights_sha256": "a" * 64, "resize": "to 224x224"}}


def pinned(digit: str) -> PinnedFile:
    return PinnedFile(path="somewhere", sha256=digit * 64)


def test_every_metric_has_all_that_makes_its_number() -> None:
    signatures = image_signatures(available_metrics([]), SPEC)
    assert set(signatures) == set(available_metrics([]))
    for name, signature in signatures.items():
        assert signature["implementation"] and signature["version"] and signature["mode"], name
        margin = signature["margin"]
        assert margin is None or (isinstance(margin, float) and margin > 0), name


def test_a_librarys_number_names_its_release_and_weights() -> None:
    lpips = image_signatures(available_metrics([]), SPEC)["lpips"]
    assert (lpips["implementation"], lpips["release"]) == ("lpips", metadata.version("lpips"))
    assert lpips["weights"] == {"alexnet": ALEXNET_SHA256}
    assert lpips["margin"] == 0.05 and lpips["reads"] == "image_pairs"
    networks = {"vgg16": pinned("1"), "clip": pinned("2")}
    declared = SPEC.model_copy(update={"networks": networks})
    signatures = image_signatures(available_metrics(networks), declared)
    assert signatures["dists"]["weights"] == {"vgg16": "1" * 64}
    assert signatures["clip_score"]["weights"] == {"clip": "2" * 64}


def test_what_is_computed_here_names_its_source() -> None:
    sharpness = image_signatures(available_metrics([]), SPEC)["sharpness"]
    assert sharpness["implementation"] == "zimage_eval.metrics.image.sharpness"
    assert (sharpness["version"], sharpness["release"]) == (METRICS["sharpness"].version, None)
    rank = image_signatures(available_metrics([]), SPEC)["effective_rank_content"]
    assert rank["implementation"] == "zimage_eval.metrics.embedding.effective_rank"


def test_alignment_names_its_judge() -> None:
    alignment = image_signatures(available_metrics([]), SPEC)["alignment"]
    assert alignment["margin"] == 0.1
    assert alignment["judge"] == {
        "name": "scenes",
        "implementation": "zimage_eval.prompts.scenes.checking.check_facts",
        "version": 1,
        "release": None,
    }
    networks = {"detector": pinned("1"), "clip": pinned("2")}
    natural = SPEC.model_copy(update={"judge": "detector", "networks": networks})
    judged = image_signatures(available_metrics([]), natural)["alignment"]
    assert judged["weights"] == {"detector": "1" * 64, "clip": "2" * 64}
    people = SPEC.model_copy(update={"judge": "hand_labels", "hand_labels": pinned("3")})
    assert image_signatures(available_metrics([]), people)["alignment"]["weights"] == {
        "hand_labels": "3" * 64
    }


def test_a_set_names_network_resize_reference_and_seed() -> None:
    signatures = set_signatures(settings(), MADE)
    assert set(signatures) == set(set_metrics(["alexnet"]))
    kid = signatures["kid_alexnet"]
    assert kid["implementation"] == "zimage_eval.metrics.sets.kernel.kid_score"
    assert kid["weights"] == {"alexnet": "a" * 64} and kid["resize"] == "to 224x224"
    assert (kid["reference"], kid["seed"]) == (SCENES, 3)
    assert signatures["vendi_alexnet"]["reference"] is None


def test_features_of_two_networks_are_not_compared() -> None:
    other = {"alexnet": MADE["alexnet"] | {"weights_sha256": "b" * 64}}
    with pytest.raises(ValueError, match=r"alexnet: images by .* reference by"):
        check_same_networks(MADE, other)
    with pytest.raises(ValueError, match=r"alexnet: images by .* reference by None"):
        check_same_networks(MADE, {"vae": MADE["alexnet"]})
    check_same_networks(MADE, MADE)
    check_same_networks(MADE, {})


def test_every_metric_of_the_registry_declares_a_margin_or_is_not_compared() -> None:
    described = {
        name for name in METRICS if name.startswith(("embedding_", "effective_rank", "clip_cov"))
    }
    without = {name for name, metric in METRICS.items() if metric.margin is None}
    assert without == described
