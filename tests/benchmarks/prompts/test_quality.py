"""Predicting alignment: planted effects come back, the file holds the whole predictor."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.fakes.fake_trials import judged_trial, sentences
from zimage_eval.benchmarks.prompts.features import FEATURES, feature_matrix, prompt_features
from zimage_eval.benchmarks.prompts.predictor import (
    fit_predictor,
    predict,
    predictor_inputs,
    read_predictor,
    vocabulary_of,
    write_predictor,
)
from zimage_eval.benchmarks.prompts.quality import (
    PREDICTOR,
    beats_baselines,
    feature_rows,
    predict_held_out,
    predictor_rows,
)
from zimage_eval.cli.predict import describe_prediction
from zimage_eval.config.benchmarks import PromptQuality

PARAMS = PromptQuality(num_folds=5, confidence=0.9, seed=0)


def test_features_of_a_caption() -> None:
    found = prompt_features(
        "a small red star above two blue rings, and a letter H on a mint background"
    )
    assert {name: found[name] for name in ("num_kinds", "num_objects", "num_object_pairs")} == {
        "num_kinds": 3,
        "num_objects": 4,
        "num_object_pairs": 6,
    }
    assert found["num_relations"] == found["has_background"] == found["num_letters"] == 1
    assert (found["num_commas"], found["has_style"], found["num_colors"]) == (1, 0, 2)


def test_other_texts_have_features_of_words_alone() -> None:
    found = prompt_features("A photograph of my cat. It sleeps.")
    assert list(found) == list(FEATURES)
    assert (found["num_words"], found["num_sentences"], found["is_scene"]) == (7, 2, 0)


def test_planted_crowding_is_found_and_beats_both_baselines() -> None:
    rng = np.random.default_rng(0)
    texts = sentences(300, rng)
    truth = 1 - 0.05 * feature_matrix(texts)[:, list(FEATURES).index("num_object_pairs")]
    judged = [
        judged_trial(str(i), text, share)
        for i, (text, share) in enumerate(zip(texts, truth, strict=True))
    ]
    found = predict_held_out(judged, {}, PARAMS)
    rows = predictor_rows(found, judged)
    assert rows["features"]["r_squared"] > 0.9  # type: ignore[operator]
    assert rows[PREDICTOR]["gain_over_length_low"] > 0  # type: ignore[operator]
    assert rows["shuffled"]["r_squared"] < 0.1  # type: ignore[operator]
    pairs = feature_rows(judged, 0)["feature=num_object_pairs"]
    assert pairs["rank_correlation_high"] < -0.5  # type: ignore[operator]
    assert beats_baselines(rows) is (rows[PREDICTOR]["gain_over_bag_of_words_low"] > 0)  # type: ignore[operator]


def test_shuffled_alignment_beats_nothing() -> None:
    rng = np.random.default_rng(0)
    judged = [
        judged_trial(str(i), text, rng.random()) for i, text in enumerate(sentences(120, rng))
    ]
    rows = predictor_rows(predict_held_out(judged, {}, PARAMS), judged)
    assert not beats_baselines(rows)
    assert rows[PREDICTOR]["r_squared"] < 0.05  # type: ignore[operator]


def test_a_predictor_comes_back_from_its_file_and_is_linear(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = sentences(80, rng)
    alignment = rng.uniform(0.4, 0.9, 80)
    errors = rng.normal(size=80) / 10
    predictor = fit_predictor("nano", texts, alignment, errors, 0.9, beats_baselines=True)
    write_predictor(tmp_path / "p.json", predictor)
    again = read_predictor(tmp_path / "p.json")
    assert again == predictor
    found = [predict(again, text) for text in texts]
    inputs = predictor_inputs(texts, vocabulary_of(texts))
    names = [*FEATURES, *(f"word:{word}" for word in vocabulary_of(texts))]
    effects = np.array([again.effects[name] for name in names])
    means = np.array([again.means[name] for name in names])
    expected = np.clip(again.intercept + (inputs - means) @ effects, 0, 1)
    assert [each.score for each in found] == pytest.approx(expected.tolist())
    assert expected.mean() == pytest.approx(alignment.mean(), abs=0.01)
    assert found[0].high - found[0].low <= 2 * predictor.half_width + 1e-9
    assert np.mean(np.abs(errors) <= predictor.half_width) >= 0.9
    assert predict(again, "a zebra").unknown_words == ("zebra",)
    assert "alignment 0." in describe_prediction(tmp_path / "p.json", "a red star")


def test_the_command_is_offered_only_if_it_beats_its_baselines(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    predictor = fit_predictor(
        "nano", sentences(40, rng), rng.random(40), rng.random(40), 0.9, beats_baselines=False
    )
    write_predictor(tmp_path / "p.json", predictor)
    with pytest.raises(ValueError, match="not shown to beat both"):
        describe_prediction(tmp_path / "p.json", "a red star")
    with pytest.raises(ValueError, match="no such predictor"):
        describe_prediction(tmp_path / "q.json", "a red star")
    with pytest.raises(ValueError, match="holds no words"):
        predict(predictor, " , ")
