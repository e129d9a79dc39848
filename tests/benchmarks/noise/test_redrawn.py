"""The arms of the noise scale, and what becomes of their distances."""

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support.models.tiny_model import LIMITS
from tests.support.projects.as_written import as_written
from tests.support.projects.toy_params import spec
from tests.support.repository import ROOT
from zimage_eval.benchmarks.noise.arms import BASELINE, CEILING, FLOOR, noise_arms
from zimage_eval.benchmarks.noise.placements import (
    arm_distances,
    arm_results,
    draw_placements,
    floors_and_ceilings,
    place_arms,
    placement_results,
    study_arms,
    write_placements,
)
from zimage_eval.benchmarks.noise.redrawn import SharedInputs, distances, draw_arm
from zimage_eval.config.benchmarks import NoiseScales
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.catalogue import load_metric_networks, metrics_with
from zimage_eval.output.observations import Measurement
from zimage_eval.output.png import encode_png
from zimage_eval.output.store import ImageStore
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.prompts.sets import PromptRow
from zimage_eval.sampling.batches import Batch
from zimage_eval.sampling.generation import GeneratedImage
from zimage_eval.sampling.painter import Painter

ENTRY = NoiseScales(batch_size=3, dtype="bfloat16", margin=0.1, min_coverage=0.9)
PROMPTS = [f"p{index:02}" for index in range(32)]
LPIPS = ROOT / "models/lpips-alexnet"


def test_each_arm_changes_one_thing() -> None:
    arms = {arm.name: arm for arm in noise_arms(ENTRY, spec())}
    own = arms[BASELINE]
    assert list(arms) == [BASELINE, FLOOR, "bfloat16", CEILING]
    assert arms[FLOOR] == own._replace(name=FLOOR, batch_size=3)
    assert arms[CEILING] == own._replace(name=CEILING, has_other_seed=True)
    changed = arms["bfloat16"].dtype
    assert (changed.transformer, changed.vae) == ("bfloat16", "bfloat16")
    assert changed.text_encoder == own.dtype.text_encoder


def test_what_is_the_models_own_is_no_arm() -> None:
    same = ENTRY.model_copy(update={"dtype": "float32"})
    assert [arm.name for arm in noise_arms(same, spec())] == [BASELINE, FLOOR, CEILING]
    with pytest.raises(ValueError, match="batch_size: 4 is the model's own"):
        noise_arms(ENTRY.model_copy(update={"batch_size": 4}), spec())


def test_distances_of_equal_and_of_other_pictures() -> None:
    rng = np.random.default_rng(0)
    baseline = {name: rng.integers(0, 256, (64, 64, 3), dtype=np.uint8) for name in PROMPTS[:3]}
    pictures = {PROMPTS[0]: baseline[PROMPTS[0]], PROMPTS[1]: 255 - baseline[PROMPTS[1]]}
    metrics = metrics_with(())
    networks = load_metric_networks(metrics, LPIPS, {}, torch.device("cpu"))
    categories = dict.fromkeys(PROMPTS, "object")
    seen = distances("x", pictures, baseline, categories, metrics, networks)
    found = {(one.unit, one.metric): one.value for one in seen}
    assert {unit for unit, _ in found} == set(PROMPTS[:2])
    assert found[PROMPTS[0], "lpips"] == 0
    assert found[PROMPTS[0], "identical"] == 1
    assert found[PROMPTS[0], "psnr"] is None
    assert (found[PROMPTS[1], "lpips"] or 0) > 0.1
    assert found[PROMPTS[1], "identical"] == 0


def observed(arm: str, level: float) -> list[Measurement]:
    rng = np.random.default_rng(int(100 * level))
    return [
        Measurement(arm, prompt, 0, "object", "lpips", level + float(rng.normal(0, 0.01)))
        for prompt in PROMPTS
    ]


def test_variants_are_placed_between_the_arms(tmp_path: Path) -> None:
    seen = [*observed(FLOOR, 0.02), *observed("bfloat16", 0.021), *observed(CEILING, 0.42)]
    scales = floors_and_ceilings(seen, FLOOR, CEILING)
    levels = {"middle": 0.22, "far": 0.82, BASELINE: 0.0, SWAPPED_PROMPTS: 0.0}
    rows = [
        {
            "variant": variant,
            "phase": phase,
            "prompt_id": one.unit,
            "seed": 0,
            "lpips": one.value,
        }
        for variant, level in levels.items()
        for phase in ("screen", "confirm")
        for one in observed(variant, level + (phase == "confirm"))
    ]
    placed = place_arms(
        "study", study_arms(pd.DataFrame(rows), BASELINE, SWAPPED_PROMPTS), scales, ENTRY
    )
    placed += place_arms("", {"bfloat16": arm_distances(seen, "bfloat16")}, scales, ENTRY)
    places = {one.variant: one.placement.place for one in placed}
    assert places == {"middle": "between", "far": "beyond_ceiling", "bfloat16": "at_floor"}
    results = placement_results(placed)
    assert results["study/middle"]["lpips_position"] == pytest.approx(0.5, abs=0.02)
    assert results["study/far"]["lpips"] == pytest.approx(0.82, abs=0.01)
    assert arm_results(seen)[CEILING]["num_prompts"] == len(PROMPTS)
    write_placements(tmp_path / "placed.csv", placed)
    with (tmp_path / "placed.csv").open() as file:
        assert [row["place"] for row in csv.DictReader(file)] == list(places.values())
    axes = draw_placements(placed, "lpips", "the baseline").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["study", "the baseline"]


def test_a_variant_without_distances_has_no_place() -> None:
    scales = floors_and_ceilings([*observed(FLOOR, 0.02), *observed(CEILING, 0.42)], FLOOR, CEILING)
    (placed,) = place_arms("study", {"larger": {"lpips": {}}}, scales, ENTRY)
    assert placed.placement.place == "inconclusive"
    assert placed.mean is None
    assert placement_results([placed])["study/larger"]["lpips_position"] is None
    assert draw_placements([placed], "lpips", "").axes


@pytest.mark.parametrize(
    "error", [FloatingPointError("decoded image is not finite"), OSError("torn"), MemoryError("x")]
)
def test_an_arm_without_all_its_pictures_ends_it(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Fewer pictures would be other distances."""
    asked: list[PromptRow] = [
        {"prompt_id": name, "category": "object", "text": name, "facts": "{}", "seeds": [1]}
        for name in PROMPTS[:3]
    ]
    picture = encode_png(torch.zeros(3, 8, 8, dtype=torch.uint8), {})
    model = spec()
    baseline = Variant(BASELINE, model.defaults, is_baseline=True)
    encoder = model.defaults.encoder
    embeddings = {(name, encoder): torch.ones(4, 2) for name in PROMPTS[:3]}
    wordings = as_written(PROMPTS[:3], [baseline])
    drawing = SharedInputs(baseline, asked, wordings, embeddings, LIMITS)
    arm = noise_arms(ENTRY, model)[1]
    drawn: list[int] = []

    def render(_: object, batch: Batch, __: object) -> list[GeneratedImage]:
        if len(drawn) == 2:
            raise error
        drawn.extend(batch.seeds)
        return [GeneratedImage(picture, 1, [], 1, "") for _ in batch.seeds]

    monkeypatch.setattr("zimage_eval.sampling.painter.render_batch", render)
    words = f"^another batch size: 1 of 3 images are missing: {type(error).__name__}: {error}$"
    with ThreadPoolExecutor(1) as workers:
        painter = Painter(
            lambda: None,
            "",
            arm.dtype,
            1,
            torch.device("cpu"),
            ImageStore(None),
            workers,
        )
        with pytest.raises(ValueError, match=words):
            draw_arm(arm, drawing, painter)
    assert drawn == [1, 1]
