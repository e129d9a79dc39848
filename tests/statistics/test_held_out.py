"""Linear models on held-out prompts: planted structure is found, chance is not."""

import numpy as np
import pytest

from zimage_eval.statistics.held_out import (
    area_under_curve,
    bag_of_words,
    folds,
    held_out_classes,
    held_out_values,
    num_words,
    resampled_areas,
)


def test_folds_never_split_a_prompt_and_cover_every_row() -> None:
    groups = [f"p{index // 3}" for index in range(60)]
    parts = folds(groups, 5, 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(60))
    by_part = [{groups[index] for index in part} for part in parts]
    assert sum(len(part) for part in by_part) == 20
    assert len(set.union(*by_part)) == 20


def test_more_folds_than_prompts_are_refused() -> None:
    with pytest.raises(ValueError, match="2 prompts can't be split into 3"):
        folds(["a", "a", "b"], 3, 0)


def test_planted_lines_are_found_and_noise_is_not() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 5))
    target = features @ np.array([1.0, -2.0, 0.0, 0.0, 3.0]) + rng.normal(scale=0.1, size=200)
    parts = folds([str(index) for index in range(200)], 5, 0)
    error = held_out_values(features, target, parts) - target
    assert (error**2).mean() < 0.02
    other = held_out_values(features[rng.permutation(200)], target, parts) - target
    assert (other**2).mean() > 0.9 * target.var()
    mean = held_out_values(features[:, :0], target, parts)
    assert len(set(mean.tolist())) == 5


def test_planted_classes_are_found_and_shuffled_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    labels = rng.choice(["red", "green", "blue"], 300)
    features = rng.normal(size=(300, 8)) + 3 * (
        labels[:, None] == np.array(["red"] * 4 + ["blue"] * 4)
    )
    parts = folds([str(index) for index in range(300)], 5, 0)
    assert (held_out_classes(features, labels, parts) == labels).mean() > 0.95
    shuffled = rng.permutation(labels)
    assert (held_out_classes(features, shuffled, parts) == shuffled).mean() < 0.45


def test_area_under_curve_in_closed_form() -> None:
    positive = np.array([True, True, False, False])
    assert area_under_curve(np.array([3.0, 2.0, 1.0, 0.0]), positive) == 1
    assert area_under_curve(np.array([0.0, 1.0, 2.0, 3.0]), positive) == 0
    assert area_under_curve(np.ones(4), positive) == 0.5
    assert area_under_curve(np.array([2.0, 1.0, 1.0, 0.0]), positive) == pytest.approx(3.5 / 4)
    assert area_under_curve(np.ones(2), np.array([True, True])) is None


def test_resampled_curves_pair_the_scores() -> None:
    scores = np.random.default_rng(1).normal(size=40)
    positive = np.arange(40) < 10
    drawn = resampled_areas([scores, scores], positive, 50, 0)
    assert drawn.shape == (50, 2)
    assert (drawn[:, 0] == drawn[:, 1]).all()


def test_words_are_counted_without_punctuation() -> None:
    bag = bag_of_words(["A red star, a ring", "red."])
    assert bag.tolist() == [[2, 1, 1, 1], [0, 1, 0, 0]]
    assert num_words(["A red star, a ring", "red."]).tolist() == [[5], [1]]
