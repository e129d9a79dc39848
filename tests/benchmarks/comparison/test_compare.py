"""Comparison of models: closed forms of its numbers, its prompts, and that a model is one line."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from dvc.repo import Repo
from dvc.scm import Git
from ruamel.yaml import YAML

from tests.support.repository import ROOT
from zimage_eval.benchmarks.comparison.observations import (
    STYLE_WORD,
    fact_bin,
    num_facts,
    observe_scores,
    observe_styles,
)
from zimage_eval.benchmarks.comparison.prompts import (
    MISPLANNED,
    PLANNED,
    AskedPrompt,
    comparison_prompts,
    read_prompts,
)
from zimage_eval.benchmarks.comparison.rows import (
    Measure,
    SeedScores,
    capability_row,
    compared_model_rows,
    difference,
    difference_rows,
    distance_difference,
    facts_slope,
    measures,
    set_distance,
    style_coverage,
)
from zimage_eval.benchmarks.comparison.scores import swapped_prompts
from zimage_eval.config.frozen import parse, read_yaml
from zimage_eval.config.params import ComparisonParams, load_params
from zimage_eval.metrics.sets.features import StudyFeatures
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.checking import check_facts
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.sets import load_prompt_set
from zimage_eval.statistics.estimates import estimate, jackknife

ENTRY = {
    "models": ["one", "other"],
    "prompt_set": "scenes",
    "num_prompts": 64,
    "num_seeds": 2,
    "capabilities": "scene_capabilities",
    "num_capability_seeds": 1,
}


@pytest.fixture(scope="module")
def asked() -> list[AskedPrompt]:
    entry = parse(ENTRY, ComparisonParams, "comparison")
    return comparison_prompts(*read_prompts(ROOT / "prompts", entry), entry)


def observed(model: str, category: str, metric: str, values: Sequence[float]) -> list[Measurement]:
    return [
        Measurement(model, f"p{index:02}", 0, category, metric, value)
        for index, value in enumerate(values)
    ]


def test_jackknife_of_a_mean_is_its_t_interval() -> None:
    values = {f"p{index}": float(value) for index, value in enumerate([3, 1, 4, 1, 5, 9, 2, 6])}
    found = jackknife(values, lambda kept: float(np.mean([values[name] for name in kept])))
    assert found == pytest.approx(estimate(list(values.values()), None))


def test_jackknife_without_an_interval() -> None:
    assert jackknife([str(n) for n in range(7)], lambda kept: 2.0 + len(kept)).low is None  # few
    assert jackknife([str(n) for n in range(9)], lambda kept: 2.0).low is None  # no spread
    assert jackknife([], lambda kept: None).mean is None
    one = jackknife([str(n) for n in range(9)], lambda kept: 1 - 0.3 * ("0" not in kept), (0, 1))
    assert one.high == 1


def test_differences_are_paired_by_prompt_and_not_by_seed() -> None:
    one: SeedScores = {(f"p{n}", seed): 0.5 + 0.1 * (n % 2) for n in range(10) for seed in (1, 2)}
    other: SeedScores = {
        (f"p{n}", seed): 0.2 + 0.1 * (n % 2) for n in range(10) for seed in (8, 9, 10)
    }
    found = difference(one, other, is_share=False)
    assert found.mean == pytest.approx(0.3)
    assert found.num_prompts == 10
    assert difference(one, {("q", 1): 0.2}, is_share=True).num_prompts == 0


def test_rows_of_models_and_of_their_differences() -> None:
    rows = [
        *observed("one", "count", "alignment", [1.0] * 8),
        *observed("other", "count", "alignment", [0.25] * 8),
        *observed("other", "letters", "alignment", [0.0] * 8),
    ]
    found = compared_model_rows(rows, ["count"])
    assert found["one"]["alignment"] == 1
    assert found["other"]["alignment"] == 0.25  # capabilities don't count
    assert found["other/letters"]["alignment"] == 0
    pairs = difference_rows(["one", "other"], rows, ["count"])
    assert pairs["one - other"]["alignment"] == 0.75
    assert pairs["one - other"]["num_units"] == 8
    assert "one - other/letters" not in pairs  # one of them was not asked


def test_capabilities_are_their_categories_and_contrasts() -> None:
    rows = [
        *observed("one", "letters", "fact_shape", [1.0, 0.0] * 4),
        *observed("one", "inferred", "all_facts", [0.0] * 8),
        *observed("one", "stated", "all_facts", [1.0] * 8),
        *observed("one", "planned", "all_facts", [1.0] * 4 + [0.0] * 4),
        *observed("one", "misplanned", "all_facts", [0.0] * 8),
    ]
    row = capability_row(rows, "one")
    assert row["text_rendering"] == 0.5
    assert row["reasoning_loss"] == 1
    assert row["planning_gain"] == row["planning_content"] == 0.5
    assert row["counting"] is None and row["anatomy"] is None


def test_style_words_count_alike_however_often_they_are_asked_for() -> None:
    rows = [
        *observed("one", "word framed", STYLE_WORD, [1.0] * 9),
        Measurement("one", "x", 0, "word dotted", STYLE_WORD, 0.0),
    ]
    found = style_coverage(rows, "one")
    assert found["style_coverage"] == 0.5
    assert (found["num_styles"], found["num_styles_covered"]) == (2, 1)


def test_slope_over_the_number_of_facts() -> None:
    facts = {f"p{n:02}": 3 + n % 5 for n in range(20)}
    values = [1 - 0.1 * count for count in facts.values()]
    rows = observed("one", "count", "alignment", values)
    assert facts_slope(rows, "one", facts)["alignment_per_fact"] == pytest.approx(-0.1)
    assert facts_slope(rows, "one", dict.fromkeys(facts, 3))["alignment_per_fact"] is None


def features(shift: float, num_prompts: int = 20) -> StudyFeatures:
    rng = np.random.default_rng(0)
    rows = [{"prompt_id": f"p{n}", "seed": seed} for n in range(num_prompts) for seed in (0, 1)]
    return StudyFeatures(rows, (rng.normal(size=(len(rows), 4)) + shift).astype(np.float32))


def test_distances_of_sets_with_their_null() -> None:
    reference = np.random.default_rng(1).normal(size=(64, 4)).astype(np.float32)
    for measure in measures("vae", 4, seed=0).values():
        same, far = (set_distance(measure, features(shift), reference, 0) for shift in (0, 3))
        assert same.null_high is not None and far.null_high is not None
        assert far.found.low is not None and far.found.low > far.null_high
        assert same.found.mean is not None and far.found.mean is not None
        assert same.found.mean < 1.5 * same.null_high
        none = distance_difference(measure, features(3), features(3), reference)
        assert (none.mean, none.low) == (0, None)
        moved = distance_difference(measure, features(3), features(0), reference)
        assert moved.mean == pytest.approx(far.found.mean - same.found.mean)
        assert moved.low is not None and moved.low > 0


def test_too_small_sets_say_so() -> None:
    reference = np.zeros((64, 4), dtype=np.float32)
    small = Measure(lambda one, other: 0.0, 41)
    assert set_distance(small, features(0), reference, 0).note == "40 images, 41 needed"
    assert set_distance(small, features(0), None, 0).note == "no reference pictures"
    assert distance_difference(small, features(0), features(0), reference).mean is None


def test_number_of_facts_is_what_the_judge_checks(asked: list[AskedPrompt]) -> None:
    blank = np.full((64, 64, 3), 245, dtype=np.uint8)
    for prompt in asked:
        assert len(check_facts(blank, prompt.facts)) == num_facts(prompt.facts), prompt.text
        assert fact_bin(prompt.facts)


def test_plans_are_the_stated_texts_of_the_same_and_of_another_scene(
    asked: list[AskedPrompt],
) -> None:
    by_id = {prompt.prompt_id: prompt for prompt in asked}
    planned = [prompt for prompt in asked if prompt.category == PLANNED]
    assert len(planned) == 16
    for prompt in planned:
        assert prompt.plan == by_id[f"{prompt.scene}/stated"].text
        inferred, other = by_id[f"{prompt.scene}/inferred"], by_id[f"{prompt.scene}/{MISPLANNED}"]
        assert prompt.text == inferred.text == other.text
        assert prompt.seeds == inferred.seeds == other.seeds
        assert other.plan not in (None, prompt.plan)
    assert {p.plan for p in asked if p.category not in (PLANNED, MISPLANNED)} == {None}


def test_swapped_prompts_are_others_of_the_category(asked: list[AskedPrompt]) -> None:
    for prompt_id, other in swapped_prompts(asked).items():
        assert other.prompt_id != prompt_id
        assert other.category in {p.category for p in asked if p.prompt_id == prompt_id}


def test_capability_prompts_state_their_facts() -> None:
    prompts = load_prompt_set(ROOT / "prompts" / "scene_capabilities")
    by_id = {prompt.id: prompt for prompt in prompts}
    for prompt in prompts:
        if prompt.category == "inferred":
            assert prompt.facts == by_id[prompt.id.replace("/inferred", "/stated")].facts
            assert parse_caption(prompt.text) != prompt.facts, "this one is no hint"
        else:
            assert parse_caption(prompt.text) == prompt.facts, prompt.text


def test_scores_become_observations() -> None:
    facts = Facts.model_validate(
        {"objects": [{"name": "ring", "fill": "striped"}], "style": "framed"}
    )
    prompt = AskedPrompt("a/x", "object", "?", None, facts, (1, 2), False)
    shared: dict[str, Any] = {"prompt_id": "a/x", "error": None, "all_facts": 0.0}
    rows = [
        {**shared, "variant": "m", "seed": 1, "alignment": 0.5, "fact_size": None},
        {**shared, "variant": "swapped prompts", "seed": 1, "alignment": 0.25},
        {"prompt_id": "a/x", "variant": "m", "seed": 2, "error": "no", "alignment": None},
    ]
    found = {row[:5]: row.value for row in observe_scores("m", pd.DataFrame(rows), {"a/x": prompt})}
    assert found["m", "a", 1, "object", "alignment"] == 0.5
    assert found[
        "m", "a", 1, "5 or 6 facts" if num_facts(facts) > 4 else "up to 4 facts", "alignment"
    ]
    assert found["m, swapped prompts", "a", 1, "object", "alignment"] == 0.25
    assert found["m", "a", 2, "object", "alignment"] is None  # failed, which is no 0
    assert not any(key[4] == "fact_size" for key in found)
    names = {"prompt_id": "a/x", "seed": 1}
    judged = pd.DataFrame(
        [{**names, "fact": name, "held": name == "style"} for name in ("style", "fill 0")]
    )
    words = {r.category: r.value for r in observe_styles("m", judged, {"a/x": prompt})}
    assert words == {"word framed": 1, "word striped": 0}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": ["one", "one"]}, "'one' stands twice"),
        ({"models": []}, "models"),
        ({"num_seeds": 0}, "num_seeds"),
        ({"capabilities": "scenes"}, "is the prompt set itself"),
    ],
)
def test_bad_comparisons_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse({**ENTRY, **changes}, ComparisonParams, "comparison")


def test_a_further_model_is_one_line_of_params(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "benchmarks" / "pictures"
    folder.mkdir(parents=True)
    shutil.copy(ROOT / "benchmarks" / "pictures" / "dvc.yaml", folder)
    shutil.copytree(ROOT / "models", tmp_path / "models", ignore=shutil.ignore_patterns("*.safe*"))
    written = read_yaml(ROOT / "params.yaml")
    known = load_params(ROOT / "params.yaml").comparison
    assert known is not None
    written["comparison"]["models"].append("a-further-one")
    with (tmp_path / "params.yaml").open("w") as file:
        YAML().dump(written, file)
    Git.init(str(tmp_path)).close()
    monkeypatch.chdir(tmp_path)
    with Repo.init() as repo:
        stages = {stage.name for stage in repo.index.stages if "draw_model" in stage.name}
    assert stages == {f"draw_model@{name}" for name in (*known.models, "a-further-one")}
    changed = load_params(tmp_path / "params.yaml").comparison
    assert changed is not None and changed.models == (*known.models, "a-further-one")
