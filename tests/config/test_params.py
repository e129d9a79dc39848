"""params.yaml and models/*.yaml: variants, names, baselines, and what is refused how."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.projects.default_settings import make_settings as settings
from tests.support.repository import ROOT
from zimage_eval.config.frozen import read_yaml
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import Study, load_params
from zimage_eval.config.settings import GROUPS, Settings
from zimage_eval.config.variants import expand_variants, phase_variants
from zimage_eval.prompts.templates import study_variants

PARAMS = """\
model: nano
phases:
  screen:
    num_prompts: 64
    num_seeds: 1
  confirm:
    num_prompts: 128
    num_seeds: 2
studies:
  guidance:
    question: why
    prompts: main
    vary:
      sampler:
        guidance_scale:
        - 0.0
        - 1.5
    variants: {}
    confirm:
"""


def study(
    vary: dict[str, Any], variants: dict[str, Any] | None = None, confirm: str | None = None
) -> Study:
    return Study.model_validate(
        {
            "question": "why",
            "prompts": "main",
            "vary": vary,
            "variants": variants or {},
            "confirm": confirm,
        }
    )


def names(a_study: Study, defaults: Settings | None = None) -> list[str]:
    return [variant.name for variant in expand_variants(a_study, defaults or settings())]


def baselines(a_study: Study, defaults: Settings | None = None) -> list[str]:
    variants = expand_variants(a_study, defaults or settings())
    return [variant.name for variant in variants if variant.is_baseline]


def test_leaf_names_are_unique_over_the_groups() -> None:
    leaves = [leaf for group in GROUPS.values() for leaf in group.model_fields]
    assert len(leaves) == len(set(leaves))
    assert set(Settings.model_fields) == set(GROUPS)


def test_a_sweep_that_holds_the_default_has_it_as_baseline() -> None:
    sweep = study({"encoder": {"hidden_layer": [-1, -2, -3]}})
    assert names(sweep) == ["hidden_layer=-1", "hidden_layer=-2", "hidden_layer=-3"]
    assert baselines(sweep) == ["hidden_layer=-2"]


def test_a_missing_baseline_is_added_in_front() -> None:
    sweep = study({"sampler": {"shift": [1.0, 6.0], "num_inference_steps": [4]}})
    assert names(sweep) == [
        "shift=3.0,num_inference_steps=8",
        "shift=1.0,num_inference_steps=4",
        "shift=6.0,num_inference_steps=4",
    ]
    assert baselines(sweep) == ["shift=3.0,num_inference_steps=8"]


def test_nothing_varied_is_the_baseline_alone() -> None:
    assert names(study({})) == ["baseline"]
    assert baselines(study({})) == ["baseline"]


def test_order_of_keys_in_the_file_changes_nothing() -> None:
    # DVC reports no change when keys are reordered, so neither names nor order may depend on it.
    one = study({"sampler": {"shift": [1.0, 3.0], "num_inference_steps": [4, 8]}})
    two = study({"sampler": {"num_inference_steps": [4, 8], "shift": [1.0, 3.0]}})
    assert expand_variants(one, settings()) == expand_variants(two, settings())


def test_an_integer_for_a_float_gives_the_same_name_and_settings() -> None:
    # DVC compares 3 and 3.0 as equal.
    one, two = study({"sampler": {"shift": [1, 3]}}), study({"sampler": {"shift": [1.0, 3.0]}})
    assert names(one) == ["shift=1.0", "shift=3.0"]
    assert expand_variants(one, settings()) == expand_variants(two, settings())
    assert settings(shift=3).canonical() == settings(shift=3.0).canonical()
    assert settings(guidance_scale=-0.0).canonical() == settings(guidance_scale=0.0).canonical()


def test_names_of_free_text_are_folder_names_and_differ() -> None:
    texts = ["", "blurry", "blurry, low quality", "blurry. low quality", "a/b", "../x", "a" * 99]
    found = names(study({"sampler": {"negative_prompt": texts}}))
    assert len(set(found)) == len(texts)
    assert found[:2] == ["negative_prompt=", "negative_prompt=blurry"]
    assert all("/" not in name and " " not in name and len(name) < 80 for name in found)


def test_named_variants_follow_the_product() -> None:
    named = study(
        {"sampler": {"shift": [1.0, 3.0]}},
        {"slow": {"sampler": {"shift": 1.0, "num_inference_steps": 50}}},
    )
    variants = expand_variants(named, settings())
    assert [variant.name for variant in variants] == ["shift=1.0", "shift=3.0", "slow"]
    assert variants[-1].settings == settings(shift=1.0, num_inference_steps=50)


def test_phases_run_all_or_one_rival() -> None:
    a_study = study({"encoder": {"hidden_layer": [-1, -2, -3]}}, confirm="hidden_layer=-1")
    variants = expand_variants(a_study, settings())
    assert phase_variants(variants, "screen", a_study.confirm) == variants
    confirmed = phase_variants(variants, "confirm", a_study.confirm)
    assert [variant.name for variant in confirmed] == ["hidden_layer=-1", "hidden_layer=-2"]
    alone = phase_variants(variants, "confirm", None)
    assert [variant.is_baseline for variant in alone] == [True]


def test_a_named_variant_may_be_what_a_model_recommends() -> None:
    fields: dict[str, Any] = {"question": "?", "prompts": "main", "vary": {}, "confirm": None}
    named = {"own": {}, "other": {"sampler": {"shift": 1.0}}}
    variants = expand_variants(Study.model_validate({**fields, "variants": named}), settings())
    assert [(v.name, v.is_baseline) for v in variants] == [("own", True), ("other", False)]
    swept = {**fields, "vary": {"sampler": {"shift": [1.0, 3.0]}}, "variants": named}
    names = [variant.name for variant in expand_variants(Study.model_validate(swept), settings())]
    assert names == ["shift=1.0", "shift=3.0"]


@pytest.mark.parametrize(
    ("variants", "confirm", "message"),
    [
        (
            {"one": {"sampler": {"shift": 2.0}}, "other": {"sampler": {"shift": 2.0}}},
            None,
            "'one' and 'other' have the same settings",
        ),
        ({"shift=1.0": {"sampler": {"shift": 2.0}}}, None, "two variants are named 'shift=1.0'"),
        ({}, "shift=1", "no variant is named 'shift=1', did you mean 'shift=1.0'?"),
    ],
)
def test_impossible_studies_are_refused(
    variants: dict[str, Any], confirm: str | None, message: str
) -> None:
    with pytest.raises(ValueError) as error:
        expand_variants(study({"sampler": {"shift": [1.0, 3.0]}}, variants, confirm), settings())
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["a/b", "", "..", "baseline", "confirm", "two words", "-x"])
def test_variant_names_are_folder_names(name: str) -> None:
    with pytest.raises(ValueError, match="is no name"):
        study({}, {name: {"sampler": {"shift": 1.0}}})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("model:", "modle:", "unknown key 'modle', did you mean 'model'?"),
        ("model: nano", "model: ../nano", "model: String should match pattern"),
        ("num_seeds: 1", "num_seeds: 0", "phases.screen.num_seeds: Input should be greater"),
        ("num_seeds: 1", "num_seeds: '8'", "valid integer, got '8'"),
        ("num_seeds: 1", "num_seeds: true", "valid integer, got True"),
        ("    num_seeds: 1\n", "", "phases.screen.num_seeds: missing"),
        (
            "guidance_scale:",
            "guidance_scal:",
            "did you mean 'guidance_scale'? allowed: sigma_schedule, ",
        ),
        (
            "sampler:",
            "samplr:",
            "did you mean 'sampler'? allowed: prompt, encoder, sampler, refiner, rope, image",
        ),
        ("- 1.5", "- -1.5", "guidance_scale: Input should be greater than or equal to 0, got -1.5"),
        ("- 1.5", "- yes", "guidance_scale: Input should be a valid number, got 'yes'"),
        ("- 1.5", "- .nan", "finite number"),
        ("- 1.5", "- 0", "a value stands twice in [0.0, 0.0]"),
        ("\n        - 0.0\n        - 1.5", " []", "needs at least one value"),
        ("\n        - 0.0\n        - 1.5", " 1.5", "should be a list, got 1.5"),
        ("guidance:", "Guidance:", "studies.Guidance: String should match pattern"),
        ("guidance:", "1:", "studies.1: Input should be a valid string"),
        ("question: why", "question: why\n    question: how", "duplicate key"),
        ("    confirm:\n", "", "studies.guidance.confirm: missing"),
        ("    prompts: main\n", "", "studies.guidance.prompts: missing"),
        ("vary:", "vary: [", "params.yaml:15: did not find expected"),
    ],
)
def test_bad_params_are_refused_in_one_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "params.yaml"
    assert PARAMS.count(old) >= 1
    path.write_text(PARAMS.replace(old, new, 1))
    with pytest.raises(ValueError) as error:
        load_params(path)
    assert message in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


def test_numbers_are_read_as_dvc_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.replace("- 1.5", "- 1e-1"))  # YAML 1.1 has this as text
    vary = load_params(path).get_study("guidance").vary
    assert vary == {"sampler": {"guidance_scale": (0.0, 0.1)}}


def test_unknown_study_and_model_name_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'hidden_layers', did you mean 'hidden_layer'"):
        load_params(ROOT / "params.yaml").get_study("hidden_layers")
    with pytest.raises(ValueError, match="no such model 'nano_base', did you mean 'nano-base'"):
        load_model_spec(ROOT / "models" / "nano_base.yaml")


def test_values_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().image.height = 1


STUDIED = sorted(
    path.stem
    for path in (ROOT / "models").glob("*.yaml")
    if "pipeline" not in read_yaml(path)  # others are compared, not studied
)


@pytest.mark.parametrize("model", STUDIED)
def test_the_repositorys_own_studies_expand_for_every_model(model: str) -> None:
    spec = load_model_spec(ROOT / "models" / f"{model}.yaml")
    for a_study in load_params(ROOT / "params.yaml").studies.values():
        variants = study_variants(a_study, spec, ROOT / "prompts/templates")
        assert sum(variant.is_baseline for variant in variants) == 1
