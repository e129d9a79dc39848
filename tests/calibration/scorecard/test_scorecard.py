"""The scorecard: planted answers are recovered from scores that hold them, and from no others."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from calibration.scorecard.__main__ import FAMILIES, read_defaults, read_families, scorecard
from calibration.scorecard.consequences import Consequence
from calibration.scorecard.families import committed_families, read_family
from calibration.scorecard.find_answers import (
    Found,
    find_best,
    find_guidance,
    grid_of,
    load_searches,
)
from calibration.scorecard.truth_scores import Score, planted_answers, score_family, total
from tests.support.fakes.fake_scores import NUM_PROMPTS, SEARCH, scores_of
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.params import load_params
from zimage_eval.config.settings import leaves, override
from zimage_eval.config.variants import expand_variants
from zimage_eval.report.scorecard import calibration_section

SEARCHES = load_searches(Path("calibration/searches.yaml"))
DEFAULTS = read_defaults(Path("params.yaml"))
CONCEPTS = Path("prompts/scene_concepts")
NANO, MINI = (FAMILIES / name / "truths.yaml" for name in ("nano", "mini"))


def test_the_best_answer_is_found_and_named() -> None:
    scores = scores_of({"a": 0.5, "b": 0.9, "c": 0.5, "other": 1.0})
    found = find_best(grid_of(scores, SEARCH), SEARCH)
    assert (found.answers, found.num_prompts) == (("-2",), NUM_PROMPTS)
    assert found.num_images == 3 * NUM_PROMPTS and found.measured.startswith("alignment, -2 over")
    assert found.estimate.low is not None and found.estimate.low > 0.2


def test_equals_stay_in_the_set_and_recover_nothing() -> None:
    found = find_best(grid_of(scores_of({"a": 0.8, "b": 0.8, "c": 0.8}), SEARCH), SEARCH)
    assert len(found.answers) >= 2
    assert not Score("-2", found, 3, None).is_recovered


def test_prompts_and_seeds_are_those_that_every_answer_has() -> None:
    scores = scores_of({"a": 0.5, "b": 0.5}, num_seeds=2)
    grid = grid_of(scores, SEARCH)
    assert grid.answers == ("-1", "-2") and grid.scores.shape == (NUM_PROMPTS, 2, 2)
    fewer = grid_of(scores.iloc[1:], SEARCH)
    assert fewer.num_images == grid.num_images - 2
    assert fewer.prompt_means[0] == pytest.approx(grid.scores[0, 1])


@pytest.mark.parametrize(
    ("answers", "recovered", "chance"),
    [(("-2",), True, 1 / 3), (("-1",), False, 1 / 3), (("-1", "-2"), False, 0.0), ((), False, 0.0)],
)
def test_recovered_is_in_the_set_and_half_the_grid_out(
    answers: tuple[str, ...], recovered: bool, chance: float
) -> None:
    one = Score("-2", Found(answers, NUM_PROMPTS, 0), 3, None)
    assert (one.is_recovered, one.chance) == (recovered, pytest.approx(chance))


def test_the_total_has_an_exact_interval_and_leaves_out_what_has_no_consequence() -> None:
    found = Found(("-2",), NUM_PROMPTS, 0)
    hit, idle = (Score("-2", found, 4, Consequence(num, 3)) for num in (2, 1))
    seen = total([hit] * 7 + [idle] * 2)
    assert (seen["num_truths"], seen["num_recovered"]) == (7, 7)
    assert seen["chance"] == pytest.approx(0.25)
    assert seen["low"] == pytest.approx(0.025 ** (1 / 7), abs=1e-5) and seen["high"] == 1
    assert total([idle]) == {"num_truths": 0, "num_recovered": 0}


def write_skews(folder: Path, skewed: dict[str, str]) -> None:
    rows = {f"default {name} {value}": {"is_skewed": 1.0} for name, value in skewed.items()}
    content = json.dumps({"probe_concepts": {"grid": {"num_images": 720}, **rows}})
    (folder / "probe_concepts.json").write_text(content, encoding="utf-8")


def test_flags_recover_holes_and_skews(tmp_path: Path) -> None:
    assert score_family(read_family(NANO).truths, {}, {}, tmp_path, {}) == {}
    write_skews(tmp_path, {"color": "red", "background": "black"})
    flagged = Found(("purple star", "blue ring"), 0, 720)
    pairs = {pair: flagged for pair in ("purple star", "green heart", "blue ring", "red ring")}
    scores = score_family(
        read_family(NANO).truths, {}, pairs, tmp_path, {"skew color": Consequence(0, 9)}
    )
    assert {name: one.is_recovered for name, one in scores.items()} == {
        "hole purple star": True,
        "hole green heart": False,
        "skew color": True,
        "skew background": False,
    }
    assert [name for name, one in scores.items() if not one.is_counted] == ["skew color"]


def test_the_guidance_that_may_have_been_distilled_in_is_a_set_of_scales(tmp_path: Path) -> None:
    seen = ((0.0, 0.01, 3.0), (1.5, 0.9, 1.0), (3.0, 0.2, 2.0))
    rows = {f"w={w}": {"kid_alexnet_p": p, "kid_alexnet": far} for w, p, far in seen}
    content = json.dumps({"baked_guidance": {"turbo": {}, **rows}})
    (tmp_path / "baked_guidance.json").write_text(content, encoding="utf-8")
    found = find_guidance(tmp_path)
    assert found is not None
    assert (found[0].answers, found[1]) == (("1.5", "3.0"), 3)
    assert (found[0].measured, found[0].estimate.mean) == ("distance at 1.5", 1.0)


def test_every_search_has_an_answer_in_its_grid_and_every_family_one_of_its_own() -> None:
    families = committed_families(FAMILIES)
    planted = {family.truths.name: planted_answers(family.truths) for family in families}
    assert list(planted) == ["mini", "pico", "nano"], "the order of the report"
    for answers in planted.values():
        assert answers.keys() == SEARCHES.keys()
        for name, search in SEARCHES.items():
            assert answers[name] in search.options.values(), name
    for first, second in combinations(planted.values(), 2):
        assert sum(first[name] != second[name] for name in first) >= 5


def test_a_family_is_scored_on_the_studies_that_ran(tmp_path: Path) -> None:
    (tmp_path / "mini" / "facts").mkdir(parents=True)
    for name in ("chat_format.parquet", "facts/chat_format.parquet"):
        (tmp_path / "mini" / name).symlink_to((FAMILIES / "mini/results" / name).resolve())
    cards = scorecard(read_families([MINI], tmp_path), SEARCHES, CONCEPTS, DEFAULTS)
    card = cards["mini"]
    assert card["truths"].keys() == {"chat_format"} and card["truths"]["chat_format"]["recovered"]
    assert card["truths"]["chat_format"]["has_consequence"], "of strength.json beside the truths"
    assert card["not_run"] == sorted(SEARCHES.keys() - {"chat_format"})
    assert card["by_size"]["64x1"]["chat_format"] >= 0.9
    assert "| mini | chat format | empty think block |" in calibration_section(cards)
    with pytest.raises(ValueError, match="no scores of any study"):
        scorecard([read_family(MINI, tmp_path / "facts")], SEARCHES, CONCEPTS, DEFAULTS)
    with pytest.raises(ValueError, match="no results of \\['nano'\\]"):
        read_families([NANO], tmp_path)


@pytest.mark.parametrize("key", ["hidden_layer", "num_inference_steps", "rope_theta"])
def test_another_declared_default_leaves_pictures_and_findings_as_they_are(key: str) -> None:
    """What a search looks at are variants with the same names and the same settings."""
    search = SEARCHES[key]
    study = load_params(Path("params.yaml")).studies[search.study]
    declared = load_model_spec(Path("models/nano.yaml")).defaults
    path = next(p for p, v in leaves(study.vary) if p[-1] == key)
    for value in dict(leaves(study.vary))[path]:
        other = override(declared, [(path, value)])
        before, after = (
            {v.name: v.settings for v in expand_variants(study, defaults)}
            for defaults in (declared, other)
        )
        assert {name: after[name] for name in search.options} == {
            name: before[name] for name in search.options
        }
