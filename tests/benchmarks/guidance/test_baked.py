"""A scale that made the turbo's pictures is found again from their distribution alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from calibration.data.scene_prompts import make_target_prompts
from calibration.data.truths import load_truths
from calibration.study.draw_guidance_arms import (
    compress,
    count_shown,
    describe,
    draw_arms,
    list_arms,
)
from tests.support.repository import ROOT
from zimage_eval.benchmarks.guidance.arms import (
    LOOKS,
    SHARES,
    SPACES,
    TURBO,
    TURBO_AGAIN,
    GuidanceArms,
    arm_name,
    read_arms,
    write_arms,
)
from zimage_eval.benchmarks.guidance.baked import (
    guidance_observations,
    guidance_results,
    measure_arms,
    why_not_available,
)
from zimage_eval.benchmarks.guidance.figure import draw_distances, draw_reason
from zimage_eval.metrics.sets.kernel import polynomial_mmd
from zimage_eval.output.figures import save_figure
from zimage_eval.output.observations import write_observations
from zimage_eval.output.results import write_results
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.scenes.drawing import draw_scenes
from zimage_eval.prompts.scenes.world import Scene, SceneObject

SCALES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
NUM_PROMPTS, NUM_NOISES = 80, 2
LEVEL = 0.05


def made_up(
    baked: float, seed: int = 0
) -> tuple[list[dict[str, Any]], dict[str, NDArray[np.floating]]]:
    """Guidance moves pictures along a way, much the same for all, and makes them vary less.

    The turbo also has a fault that no scale has.
    """
    rng = np.random.default_rng(seed)
    place, way = rng.normal(size=(2, NUM_PROMPTS, 6))
    way = (way + 1) * [1, 1, 1, 1, 0, 0]
    fault = np.array([0, 0, 0, 0, 0.3, -0.3])
    rows: list[dict[str, Any]] = []
    vectors: dict[str, list[NDArray[np.float64]]] = {space: [] for space in SPACES}
    for arm, scale in {TURBO: None, TURBO_AGAIN: None, **{arm_name(s): s for s in SCALES}}.items():
        strength = baked if scale is None else scale
        for prompt in range(NUM_PROMPTS):
            for noise in range(NUM_NOISES):
                rows.append(
                    {"arm": arm, "prompt_id": f"p{prompt:02d}", "category": "object"}
                    | {"noise": noise, "weights": arm[:1], "guidance_scale": scale}
                    | dict.fromkeys((*SHARES, *LOOKS), 0.5)
                    | {"fact_style": None if prompt else 1.0}
                )
                spread = rng.normal(size=6) / (1 + strength)
                value = place[prompt] + 0.5 * strength * way[prompt] + spread
                for space in SPACES:
                    vectors[space].append(value + fault * (scale is None))
    return rows, {space: np.array(values) for space, values in vectors.items()}


def arms_of(baked: float, folder: Path, seed: int = 0) -> GuidanceArms:
    rows, vectors = made_up(baked, seed)
    write_arms(folder / "m.parquet", rows, vectors)
    return read_arms(folder / "m.parquet")


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    rows, vectors = made_up(1.5)
    write_arms(tmp_path / "m.parquet", rows[::-1], {s: v[::-1] for s, v in vectors.items()})
    arms = read_arms(tmp_path / "m.parquet")
    assert list(arms.scales.values()) == list(SCALES) and len(arms.prompt_ids) == NUM_PROMPTS
    first = next(i for i, row in enumerate(rows) if row["arm"] == "w=2.0")
    expected = vectors["vae"][first].astype(np.float16)
    np.testing.assert_array_equal(arms.vectors["vae"]["w=2.0"][0, 0], expected)
    assert np.isnan(arms.shares["fact_style"][TURBO][1]).all()
    assert arms.shares["fact_style"][TURBO][0].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("baked", [0.5, 1.5])
def test_the_scale_is_found_though_the_turbo_has_a_fault_of_its_own(
    baked: float, tmp_path: Path
) -> None:
    measured = measure_arms(arms_of(baked, tmp_path), num_groups=10)
    found = measured.findings["kid_alexnet"]
    assert found.nearest == arm_name(baked)
    kept = found.kept(LEVEL)
    assert arm_name(baked) in kept and len(kept) <= len(SCALES) / 2


def test_the_set_holds_the_scale_as_often_as_promised(tmp_path: Path) -> None:
    hits = 0
    for seed in range(20):
        measured = measure_arms(arms_of(1.0, tmp_path, seed), num_groups=8)
        hits += "w=1.0" in measured.findings["kid_alexnet"].kept(LEVEL)
    assert hits >= 17  # 16 or fewer of 20 at 95 %: 1.6 % chance


def test_results_figure_and_observations_are_written(tmp_path: Path) -> None:
    arms = arms_of(1.5, tmp_path)
    measured = measure_arms(arms, num_groups=10)
    rows = guidance_results(arms, measured, "kid_alexnet", LEVEL)
    write_results(tmp_path / "m.json", {"baked_guidance": rows})
    assert rows["checks"]["set_excludes_half_of_the_scales"] == 1
    assert rows["checks"]["nearest_is_farther_than_the_turbo_from_itself"] == 1
    assert rows["nearest_by_kid_alexnet"]["nearest"] == 1.5
    assert rows["w=1.5"]["kid_alexnet_p"] > LEVEL  # type: ignore[operator]
    seen = guidance_observations(arms, measured, "kid_alexnet")
    write_observations(tmp_path / "m.csv", seen)
    assert len(seen) == NUM_PROMPTS * (2 * (len(SCALES) + 2) - 1)
    figure = draw_distances(arms, measured, "kid_alexnet", LEVEL)
    save_figure(figure, tmp_path / "m.png")
    save_figure(draw_reason("not available"), tmp_path / "none.png")


def test_a_model_without_its_pictures_is_told_in_words(tmp_path: Path) -> None:
    arms = arms_of(1.5, tmp_path)
    assert why_not_available(arms, "m", "t") is None
    assert "no pictures of m" in (why_not_available(None, "m", None) or "")
    assert "of other weights" in (why_not_available(arms, "m", "u") or "")


@pytest.mark.parametrize("left_out", [{"arm": TURBO_AGAIN}, {"arm": "w=0.0", "prompt_id": "p03"}])
def test_arms_of_other_pictures_are_refused(left_out: dict[str, str], tmp_path: Path) -> None:
    rows, vectors = made_up(1.5)
    kept = [
        i for i, row in enumerate(rows) if any(row[key] != value for key, value in left_out.items())
    ]
    picked = {space: values[kept] for space, values in vectors.items()}
    write_arms(tmp_path / "m.parquet", [rows[i] for i in kept], picked)
    with pytest.raises(ValueError, match=f"needed are|pictures of '{left_out['arm']}'"):
        read_arms(tmp_path / "m.parquet")


def test_compact_features_have_nearly_the_same_kid() -> None:
    rng = np.random.default_rng(0)
    scales = 0.6 ** np.arange(60)
    features = (rng.normal(size=(300, 60)) * scales + rng.normal(size=60)).astype(np.float32)
    features[150:] += 0.3
    compact = compress(features, 24)
    assert compact.shape == (300, 24)
    whole, short = (polynomial_mmd(f[:150], f[150:]) for f in (features.astype(float), compact))
    assert short == pytest.approx(whole, rel=0.02)


def test_what_a_picture_shows_is_counted_said_or_not() -> None:
    star = SceneObject("star", "red", "small", "solid", 20, 20)
    ring = SceneObject("ring", "blue", "large", "striped", 45, 45)
    scene = Scene((star, ring), "white", "framed", 64, 64)
    image = draw_scenes([scene])[0].permute(1, 2, 0).numpy()
    counts = count_shown(image)
    # one background, one style, one number; name, color, size and fill of two objects
    assert sum(counts) == 3 + 4 * 2
    facts = Facts.model_validate_json('{"objects": [{"name": "star", "color": "green"}]}')
    seen = describe(image, facts)
    assert seen.shown == counts
    assert seen.numbers["fact_color"] == 0.0 and seen.numbers["fact_background"] is None


def test_arms_are_drawn_from_a_model_folder(tiny_folder: Path, tmp_path: Path) -> None:
    for name in ("toy", "toy-base"):
        (tmp_path / name).symlink_to(tiny_folder)
        text = (ROOT / "models" / "nano-base.yaml").read_text(encoding="utf-8")
        text = text.replace("num_inference_steps: 25", "num_inference_steps: 2")
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "lpips-alexnet").symlink_to(ROOT / "models" / "lpips-alexnet")
    prompts = make_target_prompts(
        load_truths(ROOT / "calibration" / "families" / "nano" / "truths.yaml"), 8
    )
    ids = [(f"p{i}", "object") for i in range(8)]
    arms = list_arms("toy", "toy-base", [0.0, 2.0])
    with ThreadPoolExecutor(1) as executor:
        rows, vectors = draw_arms(arms, prompts, ids, tmp_path, executor)
    write_arms(tmp_path / "toy.parquet", rows, vectors)
    read = read_arms(tmp_path / "toy.parquet")
    assert read.scales == {"w=0.0": 0.0, "w=2.0": 2.0}
    by_arm = read.vectors["alexnet"]
    assert not np.array_equal(by_arm[TURBO], by_arm[TURBO_AGAIN])  # other noise
    assert not np.array_equal(by_arm[TURBO][:, 0], by_arm[TURBO][:, 1])
