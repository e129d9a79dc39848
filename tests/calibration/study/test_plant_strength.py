"""What a planted answer's consequence is: closed forms, and arms that ask for what they should."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from calibration.data.scene_prompts import make_prompts
from calibration.data.truths import Truths, load_truths
from calibration.evaluation.evaluate import load_image_model
from calibration.scorecard.consequences import Consequence, read_consequences
from calibration.study.plant_arms import Series, concept_arms, default_arms, setting_arms, word_arms
from calibration.study.plant_strength import (
    compare,
    measure_plant_arms,
    own_settings,
    plan_arms,
    weigh,
    write_strengths,
)
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.model.devices import pick_device
from zimage_eval.prompts.facts import Facts
from zimage_eval.statistics.power import smallest_effect

FAMILIES = ("nano", "mini")


def family(name: str) -> Truths:
    return load_truths(Path("calibration/families") / name / "truths.yaml")


def facts_of(truths: Truths, category: str) -> list[Facts]:
    prompts = make_prompts(truths, 12, 1)
    return [each.facts for each in prompts[category]]  # type: ignore[index]


def test_the_best_alternative_is_shown_and_half_of_them_decide() -> None:
    planted = {"own": np.full(20, 0.9)}
    near = {"near": np.array([0.8, 0.84] * 10)}
    others = {"far": np.full(20, 0.1), "further": np.zeros(20)} | near
    found = weigh(planted, others, (-1.0, 1.0), 512)
    assert found["best_alternative"] == "near"
    assert found["difference"] == pytest.approx(0.08)
    assert found["difference_low"] < 0.08 < found["difference_high"]
    assert found["has_consequence"] and found["num_alternatives"] == 3
    few = weigh(planted, others, (-1.0, 1.0), 64)
    assert (few["num_alternatives_beaten"], found["num_alternatives_beaten"]) == (2, 3)
    assert not weigh(planted, near, (-1.0, 1.0), 64)["has_consequence"]


def test_the_threshold_is_twice_what_a_study_sees() -> None:
    differences = np.random.default_rng(0).normal(1.0, 2.0, 400)
    found = weigh({"own": differences}, {"other": np.zeros(400)}, None, 100)
    expected = 2 * smallest_effect(float(differences.std(ddof=1)), 100)
    assert found["threshold"] == pytest.approx(expected, rel=1e-5)


def test_the_worst_of_several_planted_answers_decides() -> None:
    planted = {"good": np.full(10, 0.9), "less good": np.full(10, 0.6)}
    found = weigh(planted, {"other": np.full(10, 0.59)}, (-1.0, 1.0), 512)
    assert found["planted"] == "less good" and not found["has_consequence"]


def test_pictures_without_the_number_are_left_out() -> None:
    values = np.array([1.0, np.nan] * 10)
    found = weigh({"own": values}, {"other": np.zeros(20)}, (-1.0, 1.0), 512)
    assert found["num_prompts"] == 10 and found["difference"] == 1.0


def test_chance_has_no_consequence() -> None:
    rng = np.random.default_rng(0)
    noise = {"own": rng.normal(size=200)}, {"other": rng.normal(size=200)}
    assert not weigh(*noise, None, 200)["has_consequence"]
    far = {"own": noise[0]["own"] + 1.0}, noise[1]
    assert weigh(*far, None, 200)["has_consequence"]


def test_a_consequence_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "strength.json"
    assert read_consequences(path) == {}
    write_strengths(path, {"layer": {"num_alternatives_beaten": 1, "num_alternatives": 3}})
    assert read_consequences(path) == {"layer": Consequence(1, 3)}
    assert Consequence(2, 4).is_enough and not Consequence(1, 3).is_enough


@pytest.mark.parametrize("name", FAMILIES)
def test_every_setting_is_held_against_others_but_itself(name: str) -> None:
    truths = family(name)
    own = own_settings(truths)
    arms, compared = setting_arms(truths, own, [])
    assert [arm for arm, each in arms.items() if each.settings == own] == ["own"]
    assert len(compared["schedule"].worse) == 11
    trained = {f"{r.height}x{r.width}" for r in truths.resolutions}
    worse = {series.arm for series in compared["resolutions"].worse}
    assert worse and not worse & trained
    assert all(one.arm in arms for each in compared.values() for one in each.worse)


@pytest.mark.parametrize("name", FAMILIES)
def test_prompts_ask_for_the_hole_and_its_neighbors(name: str) -> None:
    truths = family(name)
    arms, compared = concept_arms(truths, own_settings(truths), facts_of(truths, "object"))
    missing = {(hole.color, hole.name) for hole in truths.holes}
    for hole in truths.holes:
        pair = f"{hole.color} {hole.name}"
        assert all(pair in prompt.text for prompt in arms[pair].prompts)
        for series in compared[f"hole {pair}"].better:
            asked = [prompt.facts.objects[0] for prompt in arms[series.arm].prompts]
            assert not {(each.color, each.name) for each in asked} & missing
            assert len({(each.color, each.name) for each in asked}) > 5
    assert (compared["letters"].worse[0].arm == "letters") and truths.name in FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_words_differ_in_what_is_compared_alone(name: str) -> None:
    truths = family(name)
    objects, related = facts_of(truths, "object"), facts_of(truths, "relation")
    arms, compared = word_arms(truths, own_settings(truths), objects, related)
    usual, failing = (arms[key].prompts for key in ("usual words", truths.failing_word))
    for one, other in zip(usual, failing, strict=True):
        assert one.facts == other.facts and truths.failing_word not in one.text
        replaced = {
            one.text.replace(w, truths.failing_word) for w in ("above", "over", "below", "under")
        }
        assert other.text in replaced
    for one, other in zip(
        arms[f"lead {truths.quality_word}"].prompts, arms["lead no word"].prompts, strict=True
    ):
        assert one.text.replace(f" {truths.quality_word}", "", 1) == other.text
    assert compared["quality_word"].better == [Series(f"lead {truths.quality_word}", "sharpness")]


def test_nothing_is_said_where_defaults_are_looked_for() -> None:
    truths = family("nano")
    arms, _ = default_arms(truths, own_settings(truths), facts_of(truths, "object"))
    for prompt in arms["nothing said"].prompts:
        assert prompt.facts.background is None and prompt.facts.objects[0].color is None
        assert "background" not in prompt.text and "backdrop" not in prompt.text
    assert all("in a frame" in prompt.text for prompt in arms["framed said"].prompts)


def test_every_comparison_has_its_numbers(tiny_folder: Path, tmp_path: Path) -> None:
    truths = family("nano")
    model = load_image_model(tiny_folder, pick_device())
    spec = load_model_spec(Path("models/nano.yaml"))
    arms, compared = plan_arms(truths, spec, model, 8)
    # Depth and words of this model are not nano's.
    kept = {
        name: arm
        for name, arm in arms.items()
        if arm.settings.hidden_layer == -2 and "caption of" not in name
    }
    for arm in kept:
        small = kept[arm].settings.__class__(2, 3.0, 0.0, -2, height=64, width=64)
        kept[arm] = kept[arm]._replace(settings=small)
    with ThreadPoolExecutor(1) as executor:
        values = measure_plant_arms(model, kept, executor)
    rows = {
        truth: compare(values, each)
        for truth, each in compared.items()
        if all(one.arm in kept for one in (*each.better, *each.worse))
    }
    assert len(compared) - len(rows) == 2
    assert rows["shift"]["difference"] == 0.0 and not rows["shift"]["has_consequence"]
    path = tmp_path / "strength.json"
    write_strengths(path, rows)
    assert json.loads(path.read_text(encoding="utf-8")) == rows
