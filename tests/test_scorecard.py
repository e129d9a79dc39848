"""The scorecard: planted answers are recovered from scores that hold them, and from no others."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from calibration.find_answers import (
    Found,
    Search,
    find_best,
    find_guidance,
    load_searches,
    with_flipped_judge,
)
from calibration.scorecard import (
    false_flags,
    null_finds,
    planted_answers,
    score,
    score_flags,
    scorecard,
    total,
)
from calibration.truths import load_truths

SEARCHES = load_searches(Path("calibration/searches.yaml"))
SEARCH = Search(study="layers", metric="alignment", options={"a": "-1", "b": "-2", "c": "-3"})
NUM_PROMPTS = 64


def scores_of(means: dict[str, float], seed: int = 0) -> pd.DataFrame:
    """Shares of four facts, by prompt."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "variant": variant,
            "phase": "screen",
            "prompt_id": f"p{prompt:03d}",
            "seed": 0,
            "alignment": rng.binomial(4, mean) / 4,
        }
        for variant, mean in means.items()
        for prompt in range(NUM_PROMPTS)
    )


def test_the_best_answer_is_found_and_named() -> None:
    found = find_best(scores_of({"a": 0.5, "b": 0.9, "c": 0.5, "other": 1.0}), SEARCH)
    assert (found.answers, found.leader, found.num_prompts) == (("-2",), "-2", NUM_PROMPTS)


def test_equals_stay_in_the_set_and_recover_nothing() -> None:
    found = find_best(scores_of({"a": 0.8, "b": 0.8, "c": 0.8}), SEARCH)
    assert len(found.answers) >= 2
    assert not score("-2", found, 3).recovered


@pytest.mark.parametrize(
    ("answers", "recovered", "chance"),
    [(("-2",), True, 1 / 3), (("-1",), False, 1 / 3), (("-1", "-2"), False, 0.0), ((), False, 0.0)],
)
def test_recovered_is_in_the_set_and_half_the_grid_out(
    answers: tuple[str, ...], recovered: bool, chance: float
) -> None:
    one = score("-2", Found(answers, None, {}, NUM_PROMPTS), 3)
    assert (one.recovered, one.chance) == (recovered, pytest.approx(chance))


def test_the_total_has_an_exact_interval() -> None:
    hit = score("-2", Found(("-2",), "-2", {}, NUM_PROMPTS), 4)
    found = total([hit] * 7)
    assert found["num_recovered"] == 7 and found["chance"] == pytest.approx(0.25)
    assert found["low"] == pytest.approx(0.025 ** (1 / 7), abs=1e-5) and found["high"] == 1


def test_a_judge_that_is_turned_round_turns_scores_round() -> None:
    scores = scores_of({"a": 0.5})
    facts = pd.DataFrame(
        {"variant": "a", "prompt_id": row.prompt_id, "seed": 0, "held": index < 4 * row.alignment}
        for row in scores.itertuples()
        for index in range(4)
    )
    rng = np.random.default_rng(0)
    same = with_flipped_judge(scores, facts, 0.0, rng)["alignment"]
    assert np.allclose(same, scores["alignment"])
    assert np.allclose(with_flipped_judge(scores, facts, 1.0, rng)["alignment"], 1 - same)


def test_dealt_scores_find_nothing(tmp_path: Path) -> None:
    scores_of({"a": 0.1, "b": 0.9, "c": 0.1}).to_parquet(tmp_path / "layers.parquet")
    share = null_finds({"layer": SEARCH}, tmp_path)["layer"]
    assert share is not None and share <= 0.3


def write_probe(folder: Path, missing: list[str], skewed: dict[str, str]) -> None:
    rows: dict[str, dict[str, float]] = {f"missing {pair}": {"p_value": 0.001} for pair in missing}
    rows |= {f"default {name} {value}": {"is_skewed": 1.0} for name, value in skewed.items()}
    content = json.dumps(
        {"probe_concepts": {"grid": {"num_cells": 120, "num_images": 720}, **rows}}
    )
    (folder / "probe_concepts.json").write_text(content, encoding="utf-8")


def test_flags_recover_holes_and_skews_and_what_is_false_is_counted(tmp_path: Path) -> None:
    truths = load_truths(Path("calibration/truths.yaml"))
    assert score_flags(truths, tmp_path) == {}
    write_probe(tmp_path, ["purple star", "blue ring"], {"color": "red", "background": "black"})
    scores = score_flags(truths, tmp_path)
    assert {name: one.recovered for name, one in scores.items()} == {
        "missing pair purple star": True,
        "missing pair green heart": False,
        "unsaid color": True,
        "unsaid background": False,
    }
    assert false_flags(truths, tmp_path) == {"missing_pairs": 1}


def test_the_guidance_that_may_have_been_distilled_in_is_a_set_of_scales(tmp_path: Path) -> None:
    rows = {
        f"w={scale}": {"kid_alexnet_p": p} for scale, p in ((0.0, 0.01), (1.5, 0.9), (3.0, 0.2))
    }
    content = json.dumps({"baked_guidance": {"turbo": {}, **rows}})
    (tmp_path / "baked_guidance.json").write_text(content, encoding="utf-8")
    found = find_guidance(tmp_path)
    assert found is not None
    assert (found[0].answers, found[0].num_prompts, found[1]) == (("1.5", "3.0"), 0, 3)


def test_every_search_has_an_answer_in_its_grid_and_every_family_one_of_its_own() -> None:
    planted = {
        path.stem: planted_answers(load_truths(path))
        for path in sorted(Path("calibration").glob("truths*.yaml"))
    }
    assert len(planted) >= 3
    for answers in planted.values():
        assert answers.keys() == SEARCHES.keys()
        for name, search in SEARCHES.items():
            assert answers[name] in search.options.values(), name
    for first, second in combinations(planted.values(), 2):
        assert sum(first[name] != second[name] for name in first) >= 5


def test_a_family_is_scored_on_the_studies_that_ran(tmp_path: Path) -> None:
    (tmp_path / "mini" / "facts").mkdir(parents=True)
    for name in ("chat_format.parquet", "facts/chat_format.parquet"):
        (tmp_path / "mini" / name).symlink_to(Path("calibration/results/mini", name).resolve())
    truths = load_truths(Path("calibration/truths-mini.yaml"))
    card = scorecard({"mini": truths}, tmp_path, Path("calibration/searches.yaml"))["mini"]
    assert card["truths"].keys() == {"chat_format"} and card["truths"]["chat_format"]["recovered"]
    assert card["not_run"] == sorted(SEARCHES.keys() - {"chat_format"})
    with pytest.raises(ValueError, match="no scores of any study"):
        scorecard({"other": truths}, tmp_path, Path("calibration/searches.yaml"))


def test_finding_reads_neither_truths_nor_declared_defaults() -> None:
    text = Path("calibration/find_answers.py").read_text(encoding="utf-8")
    assert "truths" not in text.replace("planted", "") and "load_model_spec" not in text
    assert json.dumps({name: one.options for name, one in SEARCHES.items()})
