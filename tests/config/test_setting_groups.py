"""Values of each setting: what is refused, in one line that names it, and how names come out."""

import json
from typing import Any

import pytest

from tests.support.projects.default_settings import DEFAULTS, make_settings
from zimage_eval.config.params import Study
from zimage_eval.config.setting_groups import EncoderSettings
from zimage_eval.config.settings import KEYS, Settings, check_value
from zimage_eval.config.variants import expand_variants


def names(group: str, leaf: str, *values: object) -> list[str]:
    study = {
        "question": "?",
        "prompts": "main",
        "vary": {group: {leaf: list(values)}},
        "variants": {},
    }
    checked = Study.model_validate({**study, "confirm": None})
    return [variant.name for variant in expand_variants(checked, make_settings())]


def test_defaults_state_every_setting() -> None:
    assert {(group, leaf) for group in DEFAULTS for leaf in DEFAULTS[group]} == set(KEYS)


@pytest.mark.parametrize(
    ("guidance_scale", "num_guided_steps", "num_forwards"),
    [(0.0, 0, 6), (0.001, 6, 12), (4.0, 6, 12)],
)
def test_a_guided_step_costs_two_forwards(
    guidance_scale: float, num_guided_steps: int, num_forwards: int
) -> None:
    sampler = make_settings(num_inference_steps=6, guidance_scale=guidance_scale).sampler
    assert sampler.num_guided_steps == num_guided_steps
    assert sampler.is_guided == (num_guided_steps > 0)
    assert sampler.forwards_per_image == num_forwards


def test_names_of_values_that_are_no_plain_words() -> None:
    assert names("encoder", "hidden_layer", -2, [-3, -2, -4], ["raw_last", -2], "raw_last") == [
        "hidden_layer=-2",
        "hidden_layer=-2+-3+-4",
        "hidden_layer=raw_last+-2",
        "hidden_layer=raw_last",
    ]
    assert names("refiner", "dropped_refiner_layers", [], [1, 0], [0]) == [
        "dropped_refiner_layers=none",
        "dropped_refiner_layers=0+1",
        "dropped_refiner_layers=0",
    ]
    assert names("encoder", "think_block", None, "") == ["think_block=null", "think_block="]
    assert names("encoder", "chat_template", True, False)[1] == "chat_template=false"
    assert names("encoder", "padding_side", "right", "none")[1] == "padding_side=none"


@pytest.mark.parametrize(
    ("group", "leaf", "value", "message"),
    [
        ("prompt", "own_lead", 0, "should be a valid boolean, got 0"),
        ("prompt", "word_order", "sorted", "'shuffled' or 'clauses_swapped', got 'sorted'"),
        ("prompt", "prefix", None, "should be a valid string, got None"),
        ("prompt", "filler_tokens", -1, "should be greater than or equal to 0, got -1"),
        ("prompt", "filler_counts", "words", "should be 'filler' or 'caption', got 'words'"),
        ("prompt", "filler_position", "end", "'before', 'after' or 'both', got 'end'"),
        ("encoder", "hidden_layer", "last", "must be an index into hidden_states, raw_last, or a"),
        ("encoder", "hidden_layer", True, "must be an index into hidden_states, raw_last, or a li"),
        (
            "encoder",
            "hidden_layer",
            2.0,
            "must be an index into hidden_states, raw_last, or a list",
        ),
        ("encoder", "hidden_layer", [], "two or more different ones to average, got []"),
        ("encoder", "hidden_layer", [-2], "two or more different ones to average, got [-2]"),
        ("encoder", "hidden_layer", [-2, -2], "two or more different ones to average, got [-2, -"),
        ("encoder", "hidden_layer", [[-2, -1], -3], "two or more different ones to average, got"),
        ("encoder", "layer_map", "linear", "should be 'none', 'moments' or 'ridge', got 'linear'"),
        ("encoder", "chat_template", 1, "should be a valid boolean, got 1"),
        ("encoder", "think_block", 3, "should be a valid string, got 3"),
        ("encoder", "padding_side", "middle", "should be 'right', 'left' or 'none', got 'middle'"),
        ("encoder", "max_sequence_length", 8, "should be greater than or equal to 16, got 8"),
        ("encoder", "long_prompt", "fold", "'truncate', 'pool', 'interpolate' or 'chunk', got"),
        ("sampler", "sigma_schedule", "linear", "'beta' or 'dynamic_shift', got 'linear'"),
        ("refiner", "refiner_blend", 1.3, "should be less than or equal to 1.25, got 1.3"),
        ("refiner", "refiner_blend", -0.1, "should be greater than or equal to 0, got -0.1"),
        ("refiner", "dropped_refiner_layers", 0, "must be a list of layers from 0, got 0"),
        ("refiner", "dropped_refiner_layers", [-1], "layers are integers from 0, got [-1]"),
        ("refiner", "dropped_refiner_layers", [0, 0], "a layer stands twice in [0, 0]"),
        ("refiner", "refiner_delta", "none", "should be 'own', 'random' or 'linear', got 'none'"),
        ("rope", "table_length", 33, "should be greater than or equal to 34, got 33"),
        ("rope", "table_length", 2**20, "should be less than or equal to 131072, got 1048576"),
        ("rope", "rope_theta", 0.5, "should be greater than or equal to 1, got 0.5"),
        ("rope", "rope_theta_scope", "image", "should be 'all', 'caption' or 'refiner', got 'ima"),
        ("rope", "linear_scaling", 0.0, "should be greater than 0, got 0.0"),
        ("rope", "ntk_scaling", float("inf"), "should be a finite number, got inf"),
    ],
)
def test_impossible_values_are_refused_in_one_line(
    group: str, leaf: str, value: object, message: str
) -> None:
    with pytest.raises(ValueError) as error:
        check_value((group, leaf), value)
    assert str(error.value).startswith(f"{group}.{leaf}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value) and "more)" not in str(error.value)


@pytest.mark.parametrize(
    ("leaves", "message"),
    [
        ({"system_prompt": "Draw."}, "system_prompt: 'Draw.' needs a chat; allowed with chat_temp"),
        (
            {"think_block": ""},
            "think_block: '' needs a chat; allowed with chat_template false: null",
        ),
    ],
)
def test_values_that_exclude_each_other_are_refused_in_one_line(
    leaves: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError) as error:
        make_settings(chat_template=False, **leaves)
    assert str(error.value).startswith("encoder: ")
    assert message in str(error.value) and "\n" not in str(error.value)


def test_one_linear_map_is_no_map_for_each_timestep() -> None:
    with pytest.raises(ValueError, match="refiner: refiner_delta: 'linear' is one map for all"):
        make_settings(refiner_delta="linear", refiner_timestep=True)


def test_maps_are_for_prompts_as_written() -> None:
    with pytest.raises(ValueError) as error:
        make_settings(layer_map="ridge", prefix="crisp")
    assert str(error.value).startswith("encoder.layer_map: 'ridge' is fitted on prompts as they ar")
    assert "\n" not in str(error.value)
    make_settings(layer_map="ridge", filler_position="after")


def test_order_within_a_list_is_no_other_setting() -> None:
    assert make_settings(hidden_layer=[-3, -2]) == make_settings(hidden_layer=[-2, -3])
    with pytest.raises(ValueError, match="a value stands twice"):
        names("encoder", "hidden_layer", [-3, -2], [-2, -3])


def test_canonical_text_gives_the_settings_back() -> None:
    for leaves in ({}, {"hidden_layer": ["raw_last", -2]}, {"think_block": "a\nb"}):
        encoder = make_settings(**leaves).encoder
        assert EncoderSettings.model_validate_json(encoder.canonical()) == encoder
        written = json.loads(make_settings(**leaves).canonical())
        assert Settings.model_validate(written) == make_settings(**leaves)
