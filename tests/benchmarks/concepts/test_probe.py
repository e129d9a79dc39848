"""What is read from facts and pictures of a concept probe, and what comes of it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from calibration.data.concept_prompts import (
    NATURAL_COLORS,
    NATURAL_LEADS,
    NATURAL_NAMES,
    SCENE_LEADS,
    concept_prompts,
)
from calibration.data.scene_prompts import write_prompts
from tests.support.repository import ROOT
from zimage_eval.benchmarks.concepts.defaults import SCENE_VALUES, find_defaults, unstated_in_scene
from zimage_eval.benchmarks.concepts.gaps import Gap
from zimage_eval.benchmarks.concepts.probe import (
    draw_concept_grid,
    outcomes_by_cell,
    probe_results,
    write_gaps,
)
from zimage_eval.config.model_spec import load_model_spec, prompt_set_of
from zimage_eval.config.params import load_params, phases_of_role
from zimage_eval.output.figures import save_figure
from zimage_eval.output.results import write_results
from zimage_eval.prompts.facts import Facts, ObjectFact
from zimage_eval.prompts.scenes.drawing import draw_scenes
from zimage_eval.prompts.scenes.parsing import parse_caption
from zimage_eval.prompts.scenes.world import COLORS, NAMES, Scene, SceneObject
from zimage_eval.prompts.sets import load_prompt_set, split_phases

RED_RING = Facts(objects=(ObjectFact(name="ring", color="red"),))
ANY_RING = Facts(objects=(ObjectFact(name="ring"),))
GAPS = [
    Gap(("ring", "red"), 4, 1.0, 0.95, 1.0),
    Gap(("ring", "blue"), 4, 0.0, 0.95, 0.001),
    Gap(("star", "red"), 0, None, None, None),
]


def test_a_pair_holds_when_name_and_color_do() -> None:
    facts = {("screen", "p"): RED_RING, ("screen", "q"): ANY_RING}
    found = {1: (True, True), 2: (True, False), 3: (False, True)}
    rows = [
        {"phase": "screen", "prompt_id": prompt, "seed": seed, "fact": fact, "held": held}
        for prompt in ("p", "q")
        for seed, pair in found.items()
        for fact, held in zip(("shape 0", "color 0"), pair, strict=True)
    ]
    judged = pd.DataFrame(rows)
    assert outcomes_by_cell(judged, facts) == {("ring", "red"): [True, False, False]}
    assert outcomes_by_cell(judged[:0], facts) == {("ring", "red"): []}


def test_what_is_unsaid_is_read_from_the_picture() -> None:
    scene = Scene(
        (SceneObject("ring", "lime", "large", "striped", 32, 32),), "mint", "framed", 64, 64
    )
    image = draw_scenes([scene])[0].permute(1, 2, 0).numpy()
    rest = {"size": "large", "fill": "striped", "background": "mint", "style": "framed"}
    assert unstated_in_scene(image, ANY_RING) == {"color": "lime", **rest}
    assert unstated_in_scene(image, RED_RING) == rest
    star = Facts(objects=(ObjectFact(name="star"),), style="framed")
    assert unstated_in_scene(image, star) == {"background": "mint"}


def test_the_commonest_value_is_held_against_about_even_shares() -> None:
    seen = [{"size": "small"}] * 60 + [{"size": "large"}] * 40 + [{"size": None}, {}]
    even = {"size": ("small", "large"), "fill": ("solid", "striped")}
    size, fill = find_defaults(seen, even, 0.0)
    assert (size.value, size.share, size.num_images) == ("small", 0.6, 100)
    expected = stats.binom.sf(59, 100, 0.5) * 2
    assert size.p_value == pytest.approx(expected)  # one attribute has pictures
    assert size.low is not None and size.low < 0.6 and fill.p_value is fill.value is None
    within, _ = find_defaults(seen, even, 0.2)
    assert within.p_value == 1.0
    [even_colors] = find_defaults(
        [{"color": color} for color in COLORS], {"color": tuple(COLORS)}, 0.0
    )
    assert even_colors.value == "red" and even_colors.p_value == 1.0


def test_results_name_what_is_missing(tmp_path: Path) -> None:
    defaults = find_defaults([{"size": "small"}] * 50, {"size": ("small", "large")}, 0.1)
    results = probe_results(GAPS, [*defaults, *find_defaults([], SCENE_VALUES, 0.1)], 0.05)
    lowest = min(gap.p_value for gap in GAPS if gap.p_value is not None)
    assert results["grid"]["p_value"] == pytest.approx(lowest)
    counts = {"num_cells": 3, "num_images": 8, "num_missing": 1}
    assert counts.items() <= results["grid"].items()
    assert [name for name in results if name.startswith("missing")] == ["missing blue ring"]
    assert results["default size small"]["is_skewed"] == 1.0
    assert results["default color"]["is_skewed"] is None
    write_results(tmp_path / "x.json", {"probe": results})
    assert json.loads((tmp_path / "x.json").read_text())["probe"]["missing blue ring"]["share"] == 0
    unjudged = [gap for gap in GAPS if not gap.num_images]
    assert probe_results(unjudged, [], 0.05)["grid"]["num_missing"] is None


def test_table_and_figure_hold_all_cells(tmp_path: Path) -> None:
    write_gaps(tmp_path / "cells.csv", GAPS, 0.05)
    assert (tmp_path / "cells.csv").read_text().splitlines()[1:] == [
        "ring,red,4,1,0.95,1,0",
        "ring,blue,4,0,0.95,0.001,1",
        "star,red,0,,,,",
    ]
    figure = draw_concept_grid(GAPS, 0.05)
    assert [text.get_text() for text in figure.axes[0].texts] == ["1.00", "0.00", "-"]
    save_figure(figure, tmp_path / "grid.png")
    assert np.frombuffer((tmp_path / "grid.png").read_bytes()[1:4], np.uint8).tobytes() == b"PNG"


@pytest.mark.parametrize("model", ["nano", "nano-base", "z-image-turbo", "z-image"])
def test_committed_probes_ask_for_every_pair_in_both_phases(model: str) -> None:
    spec, params = load_model_spec(ROOT / f"models/{model}.yaml"), load_params(ROOT / "params.yaml")
    prompts = load_prompt_set(ROOT / "prompts" / prompt_set_of(spec, "concepts"))
    sizes = phases_of_role(params, "concepts")
    split = split_phases(prompts, sizes.screen.num_prompts, sizes.confirm.num_prompts)
    assert len(split.screen) + len(split.confirm) == len(prompts)
    asked = [{(o.name, o.color) for o in (p.facts.objects[0] for p in part)} for part in split]
    assert asked[0] == asked[1] and len(asked[0]) == len(split.screen) == 132
    assert len({prompt.id.split("/")[0] for prompt in prompts}) == len(prompts)


def test_committed_probes_are_what_the_generator_writes(tmp_path: Path) -> None:
    write_prompts(tmp_path / "scene", concept_prompts(NAMES, tuple(COLORS), SCENE_LEADS))
    natural = concept_prompts(NATURAL_NAMES, NATURAL_COLORS, NATURAL_LEADS)
    write_prompts(tmp_path / "natural", natural)
    for world in ("scene", "natural"):
        committed = ROOT / "prompts" / f"{world}_concepts"
        written = {file.name: file.read_text() for file in (tmp_path / world).iterdir()}
        assert written == {file.name: file.read_text() for file in committed.iterdir()}


def test_scene_probes_state_what_they_say() -> None:
    for prompt in load_prompt_set(ROOT / "prompts/scene_concepts"):
        assert parse_caption(prompt.text) == prompt.facts
