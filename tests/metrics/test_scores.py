import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.models.random_vgg import write_random_vgg
from tests.support.projects.as_written import as_written
from tests.support.repository import ROOT
from zimage_eval.config.metrics import METRICS
from zimage_eval.config.model_spec import load_model_spec
from zimage_eval.config.settings import override
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.catalogue import metrics_with
from zimage_eval.metrics.dists import load_dists
from zimage_eval.metrics.embedding import EmbeddingScores, TokenVectors
from zimage_eval.metrics.image import ssim
from zimage_eval.metrics.judges.judges import Picture, judge_scene, load_image, no_judge
from zimage_eval.metrics.lpips import lpips_distances
from zimage_eval.metrics.metric import BATCHED
from zimage_eval.metrics.networks.lpips_trunks import load_lpips, load_lpips_vgg
from zimage_eval.metrics.picture_scores import Comparisons, PictureInputs, PicturePair
from zimage_eval.metrics.scores import (
    Instruments,
    StudyImages,
    group_rows,
    read_encodings,
    score_images,
)
from zimage_eval.output.png import pixels_digest, read_picture
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.prompts.facts import FactResult, Facts, ObjectFact

FACTS = Facts(objects=(ObjectFact(name="star", color="red"),), background="white")
OFFLINE = metrics_with([])
PAIRED = {
    name
    for name, metric in OFFLINE.items()
    if metric.is_paired and not name.endswith(("_template", "_pad"))
}
JUDGED = {name for name, metric in OFFLINE.items() if metric.is_judged}


class PixelNetwork(torch.nn.Module):
    """Stands for LPIPS: the mean absolute difference; remembers the size of its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1))
        self.batches: list[tuple[int, ...]] = []

    def forward(self, images: torch.Tensor, baselines: torch.Tensor) -> torch.Tensor:
        self.batches.append(tuple(images.shape))
        return (images - baselines).abs().mean(dim=(1, 2, 3), keepdim=True)


def judge_red(picture: Picture, facts: Facts) -> Sequence[FactResult]:
    """A fact holds if the picture is red enough."""
    is_red = bool(picture.pixels[..., 0].mean() > 128)
    return [FactResult("shape", True, 0), FactResult("color", is_red, 0)]


@pytest.fixture
def variants() -> dict[str, Variant]:
    defaults = load_model_spec(ROOT / "models" / "nano.yaml").defaults
    other = override(defaults, [(("encoder", "hidden_layer"), -3)])
    small = override(defaults, [(("image", "height"), 32)])
    return {
        "base": Variant("base", defaults, True),
        "other": Variant("other", other, False),
        "small": Variant("small", small, False),
        "gone": Variant("gone", override(defaults, [(("sampler", "shift"), 9.0)]), False),
    }


def image_row(
    variant: str, prompt_id: str, error: str | None = None, seed: int = 7
) -> dict[str, Any]:
    return {
        "variant": variant,
        "phase": "screen",
        "prompt_id": prompt_id,
        "seed": seed,
        "file": None if error else f"{variant}/{prompt_id}-{seed}.png",
        "num_forwards": None if error else 8,
        "sigmas": None,
        "batch_size": None,
        "error": error,
    }


def groups(folder: Path, rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """The rows in groups, with the digests of the pixels that their files have."""
    pictures = {row["file"]: row for row in rows if row["file"]}
    pixels = {file: pixels_digest(read_picture(folder / file)) for file in pictures}
    return group_rows([{**row, "pixels": pixels.get(row["file"])} for row in rows])


def make_study(folder: Path, variants: dict[str, Variant], num_prompts: int) -> StudyImages:
    rng = np.random.default_rng(0)
    prompts, embeddings = {}, {}
    for index in range(num_prompts):
        prompt_id = f"p{index}"
        prompts["screen", prompt_id] = {
            "prompt_id": prompt_id,
            "category": "object",
            "text": f"text {index}",
            "facts": FACTS.model_dump_json(),
        }
        for encoder in sorted({v.settings.encoder.canonical() for v in variants.values()}):
            vectors = rng.normal(size=(5, 4)).astype(np.float32)
            encoded = TokenVectors(list("abcde"), np.arange(5), vectors)
            embeddings[f"text {index}", encoder] = encoded
        for name, height in (("base", 64), ("other", 64), ("small", 32)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (height, 64, 3), dtype=np.uint8)
            pixels[..., 0] = 250 if name == "base" else 20
            Image.fromarray(pixels).save(folder / name / f"{prompt_id}-7.png")
    metrics = metrics_with([])
    networks = {name: PixelNetwork() for name in metrics if metrics[name].reads in BATCHED}
    encodings = EmbeddingScores(embeddings, metrics)
    wordings = as_written([prompt["text"] for prompt in prompts.values()], variants.values())
    instruments = Instruments(judge_red, networks)
    return StudyImages(folder, prompts, variants, encodings, metrics, wordings, lambda: instruments)


def score(
    tmp_path: Path, variants: dict[str, Variant], num_prompts: int = 1
) -> dict[tuple[str, str], Any]:
    study = make_study(tmp_path, variants, num_prompts)
    rows = [
        image_row(variant, f"p{index}", "RuntimeError: no" if variant == "gone" else None)
        for index in range(num_prompts)
        for variant in variants
    ]
    scored = score_images(groups(tmp_path, rows), study).scores
    return {(row["variant"], row["prompt_id"]): row for row in scored}


def test_a_rival_has_every_score(tmp_path: Path, variants: dict[str, Variant]) -> None:
    row = score(tmp_path, variants)["other", "p0"]
    assert row["alignment"] == 0.5 and row["all_facts"] == 0.0
    assert row["fact_shape"] == 1.0 and row["fact_color"] == 0.0 and row["fact_count"] is None
    assert all(row[name] is not None for name in PAIRED)
    assert row["num_forwards"] == 8.0
    assert row["category"] == "object"


def test_the_baseline_has_no_distance_to_itself(
    tmp_path: Path, variants: dict[str, Variant]
) -> None:
    row = score(tmp_path, variants)["base", "p0"]
    assert row["alignment"] == 1.0
    assert all(row[name] is None for name in PAIRED)
    assert row["sharpness"] is not None and row["embedding_norm_content"] is not None


def test_a_failed_image_has_no_score_and_never_0(
    tmp_path: Path, variants: dict[str, Variant]
) -> None:
    row = score(tmp_path, variants)["gone", "p0"]
    assert row["error"] == "RuntimeError: no"
    assert all(row[name] is None for name in OFFLINE)


def test_another_size_has_no_distance_in_pixels(
    tmp_path: Path, variants: dict[str, Variant]
) -> None:
    row = score(tmp_path, variants)["small", "p0"]
    assert all(row[name] is None for name in ("lpips", "psnr", "ssim", "identical"))
    assert row["alignment"] == 0.5 and row["cosine_drift_content"] == 0.0


def test_a_failed_baseline_leaves_its_rivals_without_distances(
    tmp_path: Path, variants: dict[str, Variant]
) -> None:
    study = make_study(tmp_path, variants, 1)
    rows = [image_row("base", "p0", "RuntimeError: no"), image_row("other", "p0")]
    _, other = score_images(groups(tmp_path, rows), study).scores
    assert other["alignment"] == 0.5
    assert other["lpips"] is None and other["psnr"] is None


def test_no_judge_gives_no_alignment(tmp_path: Path, variants: dict[str, Variant]) -> None:
    from dataclasses import replace

    study = make_study(tmp_path, variants, 1)
    networks = study.load_instruments().networks
    study = replace(study, load_instruments=lambda: Instruments(no_judge, networks))
    scored = score_images(
        groups(tmp_path, [image_row("base", "p0"), image_row("other", "p0")]), study
    )
    rows = scored.scores
    assert scored.facts == []
    assert all(row[name] is None for row in rows for name in JUDGED)
    assert rows[1]["lpips"] is not None


def test_pairs_of_many_prompts_share_a_batch(tmp_path: Path, variants: dict[str, Variant]) -> None:
    study = make_study(tmp_path, variants, 40)
    rows = [image_row(name, f"p{i}") for i in range(40) for name in ("base", "other")]
    scored = score_images(groups(tmp_path, rows), study).scores
    network = study.load_instruments().networks["lpips"]
    assert [shape[0] for shape in network.batches] == [32, 8]
    for row in scored:
        if row["variant"] == "other":
            paths = [tmp_path / n / f"{row['prompt_id']}-7.png" for n in ("base", "other")]
            a, b = (load_image(path).pixels.astype(float) / 127.5 - 1 for path in paths)
            assert row["lpips"] == pytest.approx(np.abs(a - b).mean(), abs=1e-5)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.png"):
        load_image(tmp_path / "none.png")
    with pytest.raises(ValueError, match="no such table"):
        read_encodings(tmp_path / "none.parquet")


def test_the_scene_judge_reads_a_drawn_picture() -> None:
    from tests.support.projects.synthetic_study import make_prompt
    from zimage_eval.prompts.scenes.drawing import draw_scenes

    scene, _, facts = make_prompt("relation", "relation-1")
    image = draw_scenes([scene])[0].permute(1, 2, 0).numpy()
    results = judge_scene(Picture(image, ""), facts)
    assert results and all(result.held for result in results)
    swapped = Picture(image[:, ::-1].copy(), "")
    assert not all(result.held for result in judge_scene(swapped, facts))
    names = [result.name for result in results]
    assert len(set(names)) == len(names)
    assert {"shape 0", "color 1", "relation 0", "count", "background"} <= set(names)


def test_every_judged_fact_is_a_row(tmp_path: Path, variants: dict[str, Variant]) -> None:
    study = make_study(tmp_path, variants, 2)
    rows = [image_row(name, f"p{i}") for i in range(2) for name in ("base", "other")]
    rows.append(image_row("gone", "p0", "RuntimeError: no"))
    facts = score_images(groups(tmp_path, rows), study).facts
    assert len(facts) == 2 * 2 * 2
    held = {(row["variant"], row["prompt_id"], row["fact"]): row["held"] for row in facts}
    assert held["base", "p1", "color 0"] and not held["other", "p1", "color 0"]
    digest = hashlib.sha256((tmp_path / "base" / "p1-7.png").read_bytes()).hexdigest()[:16]
    assert {r["image"] for r in facts if (r["variant"], r["prompt_id"]) == ("base", "p1")} == {
        digest
    }


def test_seeds_are_compared_within_a_variant_and_prompt(
    tmp_path: Path, variants: dict[str, Variant]
) -> None:
    """Three seeds: each has the mean distance to the other two; the mean is that of all pairs."""
    study = make_study(tmp_path, variants, 1)
    levels = {7: 0, 8: 10, 9: 40}
    for seed, level in levels.items():
        for name in ("base", "other"):
            pixels = np.full((64, 64, 3), level, dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"p0-{seed}.png")
    rows = [image_row(name, "p0", None, seed) for seed in levels for name in ("base", "other")]
    scored = score_images(groups(tmp_path, rows), study).scores
    found = {row["seed"]: row["seed_diversity"] for row in scored if row["variant"] == "other"}
    wanted = {7: (10 + 40) / 2, 8: (10 + 30) / 2, 9: (40 + 30) / 2}
    assert found == pytest.approx({seed: value / 127.5 for seed, value in wanted.items()})
    assert np.mean(list(found.values())) == pytest.approx((10 + 40 + 30) / 3 / 127.5)
    alone, _ = score_images(groups(tmp_path, [image_row("base", "p0")]), study).scores
    assert alone["seed_diversity"] is None


def test_an_encoding_is_scored_once_for_all_that_share_it() -> None:
    calls = []

    def count(encoded: TokenVectors, baseline: TokenVectors) -> float:
        calls.append(encoded)
        return float(len(calls))

    from dataclasses import replace

    metrics = {"cka_content": replace(OFFLINE["cka_content"], compute=count)}
    encoded = TokenVectors(["a"], np.arange(1), np.ones((1, 2), dtype=np.float32))
    scores = EmbeddingScores({"x": encoded, "y": encoded}, metrics)
    assert scores.of("x", "y") == scores.of("x", "y") == {"cka_content": 1.0}
    assert scores.of("y", "y") == {"cka_content": 2.0}
    assert scores.of("x", None) == {"cka_content": None}


def test_swapped_arm_judges_the_baselines_pictures_by_the_next_prompt(
    tmp_path: Path, variants: dict[str, Variant]
) -> None:
    blue = FACTS.model_dump_json().replace('"red"', '"blue"')
    study = make_study(tmp_path, variants, 3)
    named_blue = {**study.prompts["screen", "p1"], "facts": blue}
    study = replace(study, prompts={**study.prompts, ("screen", "p1"): named_blue})
    asked: list[tuple[str, str]] = []

    def judge(picture: Picture, facts: Facts) -> Sequence[FactResult]:
        asked.append((picture.digest, facts.model_dump_json()))
        return judge_red(picture, facts)

    rows = [image_row("base", f"p{index}") for index in range(3)]
    instruments = study.load_instruments()._replace(judge=judge)
    scored = score_images(
        groups(tmp_path, rows), replace(study, load_instruments=lambda: instruments)
    )
    swapped = [row for row in scored.scores if row["variant"] == SWAPPED_PROMPTS]
    assert [row["prompt_id"] for row in swapped] == ["p0", "p1", "p2"]
    assert [text == blue for _, text in asked] == [False, True, True, False, False, False]
    assert asked[0][0] == asked[1][0] and asked[0][0] != asked[2][0]
    assert all(row["alignment"] is not None and row["sharpness"] is None for row in swapped)
    assert {row["variant"] for row in scored.facts} == {"base"}


@pytest.fixture(scope="module")
def pair_networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """LPIPS with its own trunk, and what reads VGG-16 with a random one, which is not shipped."""
    folder = tmp_path_factory.mktemp("vgg")
    write_random_vgg(folder)
    return {
        "lpips": load_lpips(ROOT / "models" / "lpips-alexnet"),
        "lpips_vgg": load_lpips_vgg(folder),
        "dists": load_dists(folder),
    }


@pytest.mark.parametrize("is_high", [True, False])
@pytest.mark.parametrize("side", [1, 8, 10, 11, 15, 16, 30, 31])
def test_pictures_that_are_too_small_have_no_number(
    side: int, is_high: bool, pair_networks: dict[str, Any]
) -> None:
    all_metrics = metrics_with(["vgg16"])
    metrics = {name: all_metrics[name] for name in ("ssim", "psnr", *pair_networks)}
    shape = (40, side, 3) if is_high else (side, 40, 3)
    image, baseline = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
    row: dict[str, Any] = PictureInputs(image, baseline, None, None).scores(metrics)
    assert row.keys() == {"ssim", "psnr"}
    queue = Comparisons("image_pairs", metrics, pair_networks)
    queue.add(PicturePair(image, baseline, (row,)))
    queue.flush()
    wanted = {"ssim": 11, "psnr": 1, "lpips": 31, "lpips_vgg": 16, "dists": 1}
    numbers = {name for name, value in row.items() if value is not None}
    assert numbers == {name for name, least in wanted.items() if side >= least}


def test_the_min_side_is_the_least(pair_networks: dict[str, Any]) -> None:
    """One pixel less, and the networks fail."""
    for name in ("lpips", "lpips_vgg"):
        pictures = [np.zeros((METRICS[name].min_side - 1, 64, 3), np.uint8)]
        with pytest.raises(RuntimeError, match="too small"):
            lpips_distances(pictures, pictures, pair_networks[name])
    picture = np.zeros((METRICS["ssim"].min_side - 1, 64, 3), np.uint8)
    with pytest.raises(ValueError, match="win_size exceeds"):
        ssim(picture, picture)
