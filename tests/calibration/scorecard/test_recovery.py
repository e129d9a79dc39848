"""Recovery under worse conditions, and what must come to nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.data.truths import load_truths
from calibration.scorecard import recovery
from calibration.scorecard.find_answers import Search, find_best, grid_of, level_of
from calibration.scorecard.negative_controls import (
    even_size,
    false_flags,
    found_in_shuffled,
    neutral_words,
)
from calibration.scorecard.recovery import PlantedSearch, Size, by_judge, by_pictures, by_size
from calibration.scorecard.wrong_judges import (
    judged_facts,
    labels_object,
    turn_at_random,
    turn_in_favor,
)
from tests.support.fakes.fake_concepts import grid as cells
from tests.support.fakes.fake_scores import NUM_PROMPTS, SEARCH, facts_of, scores_of

NANO = load_truths(Path("calibration/families/nano/truths.yaml"))


def write_study(
    folder: Path, means: dict[str, float], num_seeds: int = 1
) -> dict[str, PlantedSearch]:
    (folder / "facts").mkdir(exist_ok=True)
    scores_of(means, num_seeds).to_parquet(folder / "layers.parquet")
    facts_of(means, num_seeds).to_parquet(folder / "facts" / "layers.parquet")
    return {"layer": PlantedSearch(SEARCH, "-2", folder)}


def test_sizes_beyond_what_was_scored_are_not_reported(tmp_path: Path) -> None:
    asked = write_study(tmp_path, {"a": 0.7, "b": 0.8, "c": 0.1}, num_seeds=2)
    sizes = (Size(8, 1), Size(NUM_PROMPTS, 2), Size(NUM_PROMPTS + 1, 1), Size(8, 3))
    shares = by_size(asked, sizes)
    few, whole, more, deeper = (shares[str(size)]["layer"] for size in sizes)
    assert more is None and deeper is None
    everything = recovery.is_recovered(
        find_best(grid_of(scores_of({"a": 0.7, "b": 0.8, "c": 0.1}, 2), SEARCH), SEARCH),
        asked["layer"].answer,
        asked["layer"].num_answers,
    )
    assert whole == float(everything) and few is not None and few < 1


def test_the_rival_is_settled_by_the_order_of_the_grid(tmp_path: Path) -> None:
    assert [PlantedSearch(SEARCH, one, tmp_path).rival for one in ("-1", "-2", "-3")] == [
        "-2",
        "-3",
        "-1",
    ]


def test_judged_facts_give_the_scores_that_were_kept() -> None:
    means = {"a": 0.5, "b": 0.6}
    judged = judged_facts(facts_of(means, num_seeds=2), SEARCH)
    kept = grid_of(scores_of(means, num_seeds=2), SEARCH)
    assert judged.grid(judged.held).answers == kept.answers
    assert np.allclose(judged.grid(judged.held).scores, kept.scores)
    missing = judged_facts(facts_of(means, num_seeds=2).iloc[4:], SEARCH)
    assert np.isnan(missing.grid(missing.held).scores[0]).sum() == 2


def test_a_judge_errs_as_often_as_said_and_where_it_helps() -> None:
    judged = judged_facts(facts_of({"a": 0.5, "b": 0.5, "c": 0.5}), SEARCH)
    rng = np.random.default_rng(0)
    assert (turn_at_random(judged, 1.0, rng) == ~judged.held).all()
    assert (turn_at_random(judged, 0.1, rng) != judged.held).mean() == pytest.approx(0.1, abs=0.03)
    said = turn_in_favor(judged, "-3", 1.0, rng)
    assert (said == (judged.answer == 2)).all()
    turned = turn_in_favor(judged, "-3", 0.2, rng) != judged.held
    assert turned.mean() == pytest.approx(0.1, abs=0.03)  # half of the answers could help


def test_labels_object_to_a_judge_who_favors_and_seldom_to_one_who_errs_at_random() -> None:
    judged = judged_facts(facts_of({"a": 0.6, "b": 0.8, "c": 0.75}), SEARCH)
    rng = np.random.default_rng(1)
    favored = [labels_object(judged, turn_in_favor(judged, "-3", 0.2, rng), rng) for _ in range(40)]
    assert np.mean(favored) > 0.9
    fair = [labels_object(judged, turn_at_random(judged, 0.2, rng), rng) for _ in range(300)]
    assert np.mean(fair) <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
    assert not labels_object(judged, judged.held, rng)


def test_a_favored_rival_is_found_and_labels_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "NUM_DRAWS", 20)
    asked = write_study(tmp_path, {"a": 0.1, "b": 0.85, "c": 0.8})
    outcomes = by_judge(asked)
    crowned = outcomes["in_favor"]["0.2"]["layer"]
    assert crowned["recovered"] == 0 and crowned["crowned"] == 1
    assert crowned["crowned_unnoticed"] is not None and crowned["crowned_unnoticed"] < 0.2
    assert outcomes["at_random"]["0.05"]["layer"]["crowned"] == 0
    sharp = asked["layer"]._replace(search=SEARCH.model_copy(update={"metric": "sharpness"}))
    assert by_judge({"word": sharp}) == {
        "at_random": {"0.05": {}, "0.1": {}, "0.2": {}},
        "in_favor": {"0.05": {}, "0.1": {}, "0.2": {}},
    }


@pytest.mark.parametrize("options", [{"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"}])
def test_shuffled_answers_find_as_little_as_promised(
    options: dict[str, str], tmp_path: Path
) -> None:
    scores_of({"a": 0.1, "b": 0.9, "c": 0.4}).to_parquet(tmp_path / "layers.parquet")
    search = Search(study="layers", metric="alignment", options=options)
    seen = found_in_shuffled({"layer": search}, tmp_path)["layer"]
    assert seen["num_draws"] >= 200 and seen["low"] <= 0.05
    assert level_of(len(options)) == (0.025 if len(options) == 2 else 0.05)


def test_neutral_words_are_held_against_each_other_and_against_none(tmp_path: Path) -> None:
    search = Search(
        study="layers",
        metric="sharpness",
        options={"bare": "none", "l": "lovely", "f": "fine", "c": "crisp"},
    )
    once = scores_of({"bare": 0.5, "l": 0.5, "f": 0.5, "c": 0.5})
    # A word on sharpness takes 128 prompts.
    twice = [once, once.assign(prompt_id=once["prompt_id"] + "b")]
    scores = pd.concat(twice, ignore_index=True)
    rng = np.random.default_rng(0)
    scores["sharpness"] = rng.normal(500.0, 20.0, len(scores)) + 400.0 * (scores["variant"] == "f")
    scores["category"] = "object"
    scores.to_parquet(tmp_path / "layers.parquet")
    seen = neutral_words(NANO, search, tmp_path)
    quiet = {words: one["is_quiet"] for words, one in seen.items()}
    assert quiet == {"lovely over fine": False, "lovely over none": True, "fine over none": False}
    assert seen["fine over none"]["difference"] == pytest.approx(np.log(1.8), abs=0.02)


def test_what_is_flagged_though_it_was_shown_is_counted_beside_holes_and_elsewhere() -> None:
    seen = false_flags(NANO, ["purple star", "blue heart", "red ring"])
    assert seen["num_flagged"] == 2 and seen["num_neighbors_flagged"] == 1
    assert seen["num_pairs"] == 118 and seen["num_neighbors"] == 2 * (9 + 11) - 2
    assert false_flags(NANO, []) == seen | {"num_flagged": 0, "num_neighbors_flagged": 0}


def test_without_a_probe_there_is_no_size_to_look_at(tmp_path: Path) -> None:
    assert even_size(tmp_path) == {}


def test_missing_pairs_are_found_from_enough_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "NUM_CONCEPT_DRAWS", 3)
    held = cells({"a": 0.8}, 12, 0, (("a", "r"),))
    shares = by_pictures(held, ["r a"], (2, 13), 0.05)
    assert shares.keys() == {"2", "12"}
    assert shares["12"] == {"r a": 1.0} and (shares["2"]["r a"] or 0) < 1
    assert by_pictures({}, [], (2,), 0.05) == {}
