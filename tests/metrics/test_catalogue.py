"""Definitions and arithmetic belong to each other, one by one."""

import inspect
from functools import partial
from typing import get_args

import pytest

from zimage_eval.config.measuring import SHIPPED, BackboneName, NetworkName
from zimage_eval.config.metrics import JUDGES, METRICS, SHIPPED_NETWORK, ImageNetwork
from zimage_eval.config.model_spec import JudgeName
from zimage_eval.config.set_metrics import FAMILIES
from zimage_eval.metrics.catalogue import ARITHMETIC, metrics_with
from zimage_eval.metrics.judges import judges
from zimage_eval.metrics.networks.backbones import BACKBONES
from zimage_eval.metrics.sets.catalogue import COMPUTED_FAMILIES
from zimage_eval.metrics.sets.kernel import CMMD_SCALE, CMMD_SIGMA, KID_BLOCK
from zimage_eval.metrics.sets.manifold import NUM_NEIGHBORS


def name_of(function: object) -> str:
    """Module and name inside the library, as a definition has them."""
    function = function.func if isinstance(function, partial) else function
    assert inspect.isfunction(function)
    return f"{function.__module__}.{function.__qualname__}".removeprefix("zimage_eval.")


def test_every_definition_is_computed_and_every_arithmetic_is_defined() -> None:
    assert list(ARITHMETIC) == list(METRICS)
    assert list(COMPUTED_FAMILIES) == list(FAMILIES)
    assert judges.JUDGES.keys() == JUDGES.keys() == set(get_args(JudgeName))


@pytest.mark.parametrize("name", METRICS)
def test_the_function_is_the_one_that_the_definition_names(name: str) -> None:
    assert name_of(ARITHMETIC[name].compute) == METRICS[name].function


@pytest.mark.parametrize("name", METRICS)
def test_who_names_a_network_loads_one(name: str) -> None:
    assert (METRICS[name].network is None) == (ARITHMETIC[name].load is None)


@pytest.mark.parametrize("name", [*FAMILIES])
def test_a_family_calls_the_function_that_its_definition_names(name: str) -> None:
    module, _, function = FAMILIES[name].function.rpartition(".")
    assert function in COMPUTED_FAMILIES[name].measure.__code__.co_names
    [*_, source] = [
        value
        for key, value in COMPUTED_FAMILIES[name].measure.__globals__.items()
        if key == function
    ]
    assert name_of(source) == f"{module}.{function}"


@pytest.mark.parametrize("name", get_args(JudgeName))
def test_a_judge_is_the_function_that_its_definition_names(name: JudgeName) -> None:
    assert name_of(judges.JUDGES[name]) == JUDGES[name].function


def test_every_backbone_that_can_be_named_can_be_loaded() -> None:
    assert BACKBONES.keys() == set(get_args(BackboneName))
    assert set(get_args(BackboneName)) - set(SHIPPED) <= set(get_args(NetworkName))
    assert set(get_args(ImageNetwork)) - {SHIPPED_NETWORK} <= set(get_args(NetworkName))


def test_modes_say_the_constants_of_the_arithmetic() -> None:
    modes = {name: m.mode for family in FAMILIES.values() for name, m in family.metrics.items()}
    assert modes["kid_{}"].endswith(f" {KID_BLOCK}")
    assert modes["cmmd_{}"].startswith(f"sigma {CMMD_SIGMA:g}, times {CMMD_SCALE:g},")
    for name in ("precision", "recall", "density", "coverage"):
        assert modes[f"{name}_{{}}"].startswith(f"k = {NUM_NEIGHBORS},")


def test_without_declared_networks_their_metrics_are_absent() -> None:
    by_network = {
        "clip": {"clip_score", "clip_coverage"},
        "vgg16": {"lpips_vgg", "dists"},
        "ocr": {"text_word_accuracy", "text_ned", "text_cer"},
        "vlm": {"vqa_score", "alignment_geometric"},
    }
    assert METRICS.keys() - metrics_with([]).keys() == set().union(*by_network.values())
    assert list(metrics_with([*by_network])) == list(METRICS)
    for network, names in by_network.items():
        rest = [name for name in by_network if name != network]
        assert METRICS.keys() - metrics_with([*rest, "dinov2"]).keys() == names


def test_one_network_is_loaded_once() -> None:
    assert ARITHMETIC["lpips"].load is ARITHMETIC["seed_diversity"].load
    assert len({arithmetic.load for arithmetic in ARITHMETIC.values() if arithmetic.load}) == 6
