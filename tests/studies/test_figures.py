from typing import Any

import pytest

from tests.support.repository import ROOT
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import Study
from zimage_eval.config.variants import ExpandedStudy, Variant, expand_study, expand_variants
from zimage_eval.prompts.sets import PromptRow
from zimage_eval.studies.figures import (
    axis_label,
    draw_study_effect,
    grid_prompts,
    grid_variants,
    main_metric,
    short_labels,
)
from zimage_eval.studies.summaries import Summary

DEFAULTS = load_model_spec(ROOT / "models" / "nano.yaml").defaults


def study_of(vary: dict[str, Any], variants: dict[str, Any] | None = None) -> Study:
    fields = {
        "question": "?",
        "prompts": "main",
        "vary": vary,
        "variants": variants or {},
        "confirm": None,
    }
    return Study.model_validate(fields)


def summaries_of(variants: tuple[Variant, ...], metric: str = "alignment") -> list[Summary]:
    rows = []
    for variant in variants:
        rows.append(Summary(variant.name, "screen", "coverage", "all", 16, 1.0))
        for category in ("all", "count", "object"):
            rows.append(Summary(variant.name, "screen", metric, category, 16, 0.5, 0.4, 0.6))
    return rows


def test_names_become_keys_and_values() -> None:
    assert short_labels(["a=1,b=2", "a=3,b=4"]) == (["a", "b"], [["1", "2"], ["3", "4"]])
    assert short_labels(["a=1", "no_refiner"]) == ([], [["a=1"], ["no_refiner"]])
    assert short_labels(["baseline"]) == ([], [["baseline"]])


def test_a_wide_study_keeps_baseline_and_rival_in_the_grid() -> None:
    steps = list(range(1, 33))
    variants = expand_variants(study_of({"sampler": {"num_inference_steps": steps}}), DEFAULTS)
    shown = grid_variants(variants, "num_inference_steps=31")
    assert len(shown) == 12
    assert any(variant.is_baseline for variant in shown)
    assert "num_inference_steps=31" in {variant.name for variant in shown}
    assert [v for v in variants if v in shown] == shown
    assert grid_variants(variants[5:10], None) == list(variants[5:10])


def test_prompts_are_spread_over_categories() -> None:
    prompts: list[PromptRow] = [
        {"prompt_id": f"{c}{i}", "category": c, "text": "", "facts": "{}", "seeds": [0]}
        for c in "abcd"
        for i in range(5)
    ]
    chosen = [prompt["prompt_id"] for prompt in grid_prompts(prompts, 6)]
    assert chosen == ["a0", "a1", "b0", "b1", "c0", "d0"]


def expanded(study: Study) -> ExpandedStudy:
    return expand_study(study, "nano", expand_variants(study, DEFAULTS))


def test_two_settings_give_a_heat_map_and_one_gives_dots() -> None:
    two = study_of(
        {"sampler": {"shift": [1.0, 3.0], "num_inference_steps": [4, 8]}},
        {"slow": {"sampler": {"num_inference_steps": 50}}},
    )
    variants = expand_variants(two, DEFAULTS)
    axes = draw_study_effect(expanded(two), summaries_of(variants)).axes[0]
    assert axes.get_xlabel() == "num_inference_steps" and axes.get_ylabel() == "shift"
    one = study_of({"sampler": {"shift": [1.0, 3.0]}})
    variants = expand_variants(one, DEFAULTS)
    axes = draw_study_effect(expanded(one), summaries_of(variants)).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["shift=1.0", "shift=3.0"]


def test_a_variant_beside_the_two_settings_gives_dots() -> None:
    study = study_of(
        {"sampler": {"shift": [1.0, 3.0], "num_inference_steps": [4, 8]}},
        {"other_layer": {"encoder": {"hidden_layer": -3}}},
    )
    variants = expand_variants(study, DEFAULTS)
    figure = draw_study_effect(expanded(study), summaries_of(variants))
    assert "other_layer" in [t.get_text() for t in figure.axes[0].get_yticklabels()]


def test_one_variant_is_shown_by_category() -> None:
    study = study_of({})
    variants = expand_variants(study, DEFAULTS)
    axes = draw_study_effect(expanded(study), summaries_of(variants)).axes[0]
    labels = [t.get_text() for t in axes.get_yticklabels()]
    assert labels == ["all prompts", "count", "object"]


def test_the_main_metric_is_the_first_one_known() -> None:
    known = Summary("a", "screen", "lpips", "all", 16, 0.5)
    assert main_metric([known, known._replace(metric="alignment")]) == "alignment"
    assert main_metric([known, known._replace(metric="alignment", mean=None)]) == "lpips"
    assert main_metric([known._replace(phase="confirm")]) is None


@pytest.mark.parametrize(
    ("metric", "label"),
    [
        ("alignment", "alignment (share of facts, higher is better)"),
        ("lpips", "LPIPS to the baseline"),
    ],
)
def test_axes_name_unit_and_direction(metric: str, label: str) -> None:
    assert axis_label(metric) == label
