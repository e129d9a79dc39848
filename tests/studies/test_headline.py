"""The headline is few numbers, those of the tables, with the better end up."""

import csv
import json
from pathlib import Path

import pytest

from tests.support.fakes.fake_summaries import DEFAULTS, FULL, number, summarize
from zimage_eval.config.params import Study
from zimage_eval.config.variants import ExpandedStudy, expand_study, expand_variants
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.studies.headline import (
    BestRival,
    best_rival,
    headline_numbers,
    write_best_rivals,
    write_headline,
)
from zimage_eval.studies.summaries import Summary


def study(prompts: str, layers: list[int]) -> ExpandedStudy:
    fields = {
        "question": "?",
        "prompts": prompts,
        "vary": {"encoder": {"hidden_layer": layers}},
        "variants": {},
        "confirm": None,
    }
    entry = Study.model_validate(fields)
    return expand_study(entry, "nano", expand_variants(entry, DEFAULTS))


def layers(**differences: float | None) -> list[Summary]:
    """Alignment of the baseline, and of rivals named by their difference to it."""
    rows = summarize("hidden_layer=-2", coverage=FULL, alignment=number(0.9))
    for name, difference in differences.items():
        alignment = number(0.9 + (difference or 0), difference)
        rows += summarize(name, coverage=FULL, alignment=alignment)
        rows += summarize(name, "confirm", coverage=FULL, alignment=number(1.0, 0.1))
    return rows


def test_the_best_rival_is_the_one_with_the_highest_difference_at_screen_size() -> None:
    rival = best_rival("layer", layers(a=-0.3, b=-0.1, c=-0.2))
    assert rival is not None
    assert rival[:3] == ("layer", "b", "alignment")
    assert rival[3:] == pytest.approx((-0.1, -0.15, -0.05))


def test_chance_is_no_rival() -> None:
    chance = summarize(SWAPPED_PROMPTS, alignment=number(0.3, 0.6))
    assert best_rival("layers", [*layers(), *chance]) == best_rival("layers", layers())


def test_nothing_is_compared_without_a_rival_or_a_judge() -> None:
    assert best_rival("baseline", layers()) is None
    unjudged = summarize("b", coverage=FULL, sharpness=number(500.0))
    unjudged += summarize("a", coverage=FULL, lpips=number(0.3), sharpness=number(600.0, 100.0))
    assert best_rival("layer", unjudged) is None
    sharp = [row for row in unjudged if row.metric != "lpips"]
    assert best_rival("layer", sharp) is None


def test_the_baseline_is_told_once_for_each_set_of_prompts() -> None:
    studies = {
        "first": study("main", [-1, -2]),
        "second": study("main", [-2, -3]),
        "third": study("concepts", [-2]),
    }
    summaries = {
        "first": layers(**{"hidden_layer=-1": -0.5}),
        "second": layers(**{"hidden_layer=-3": 0.01}),
        "third": summarize(
            "hidden_layer=-2", coverage=FULL._replace(mean=0.75), alignment=number(0.5)
        ),
    }
    rivals = {key: best_rival(key, rows) for key, rows in summaries.items()}
    assert headline_numbers(summaries, studies, rivals, {"supported": 2, "refuted": 0}) == {
        "answers": {"supported": 2, "refuted": 0},
        "alignment": {"main": 0.9, "concepts": 0.5},
        "gain": {"first": -0.5, "second": 0.01},
        "coverage": {"lowest": 0.75},
    }


def test_files_hold_rounded_numbers(tmp_path: Path) -> None:
    write_headline(tmp_path / "new/headline.json", {"gain": {"b": 1 / 3, "a": None}})
    written = (tmp_path / "new/headline.json").read_text()
    assert json.loads(written) == {"gain": {"a": None, "b": 0.333333}}
    assert written.index('"a"') < written.index('"b"')
    rivals = [BestRival("layer", "a=1,b=2", "alignment", 1 / 3, None, None)]
    write_best_rivals(tmp_path / "headline.csv", rivals)
    with (tmp_path / "headline.csv").open(newline="") as file:
        assert [*csv.DictReader(file)] == [
            {
                "study": "layer",
                "variant": "a=1,b=2",
                "metric": "alignment",
                "gain": "0.333333",
                "low": "",
                "high": "",
            }
        ]
