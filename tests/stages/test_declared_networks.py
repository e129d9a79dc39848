"""Networks from outside the repository: their metrics are there where they are declared."""

import json
from pathlib import Path

import pytest

from stages import collect_headline, compute_features, compute_scores, summarize
from tests.support.models.random_vgg import write_random_vgg
from tests.support.models.tiny_clip import build_tiny_clip
from tests.support.models.tiny_detectors import build_tiny_owl
from tests.support.projects.synthetic_study import write_project
from zimage_eval.metrics.networks.files import sha256_of
from zimage_eval.model.environment import write_environment
from zimage_eval.output.results import read_results
from zimage_eval.studies.summaries import Summary, read_summaries

STUDY = """
  shift:
    question: "?"
    prompts: main
    vary: {sampler: {shift: [3.0, 1.0]}}
    variants: {}
    confirm: shift=1.0
"""
NEED_NETWORKS = {"clip_score", "clip_coverage", "lpips_vgg", "dists", "cmmd_clip", "kid_clip"}


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """Random weights, declared as a models/<model>.yaml would."""
    folder = tmp_path_factory.mktemp("networks")
    build_tiny_clip(folder / "clip")
    build_tiny_owl(folder / "detector")
    write_random_vgg(folder / "vgg16")
    return {
        name: {
            "path": str(folder / name),
            "sha256": sha256_of([folder / name / "model.safetensors"]),
        }
        for name in ("clip", "detector", "vgg16")
    }


def finish(folder: Path, networks: dict[str, dict[str, str]], judge: str) -> None:
    """Run the scoring stages of a project whose model declares these networks."""
    write_project(folder, STUDY, judge="none", num_prompts={"screen": 8, "confirm": 4})
    model = folder / "models" / "drawn.yaml"
    text = model.read_text().replace("networks: {}", f"networks: {json.dumps(networks)}")
    if "clip" in networks:
        text = text.replace('"backbones": ["alexnet"]', '"backbones": ["clip"]')
    text = text.replace('{"source": "scenes", "num_images": 40}', '{"source": "baseline"}')
    text = text.replace('"small_sets_allowed": []', '"small_sets_allowed": ["cmmd_clip"]')
    model.write_text(text.replace("judge: none", f"judge: {judge}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "data/reference").mkdir()
        (folder / "data/reference/signatures.json").write_text("{}")
        compute_features.main("shift")
        compute_scores.main("shift")
        summarize.main("shift")
        write_environment(folder / "data/environment/build_reference.json")
        (folder / "reports/evidence.json").write_text("{}")
        collect_headline.main()


def row(summaries: list[Summary], metric: str, phase: str = "screen") -> Summary:
    [found] = [
        each
        for each in summaries
        if (each.variant, each.metric, each.phase, each.category)
        == ("shift=1.0", metric, phase, "all")
    ]
    return found


def test_what_is_declared_is_measured(tmp_path: Path, networks: dict[str, dict[str, str]]) -> None:
    finish(tmp_path, networks, judge="detector")
    results = read_results(tmp_path / "metrics/shift.json")["shift"]
    assert set(results["shift=1.0"]) >= NEED_NETWORKS
    summaries = read_summaries(tmp_path / "reports/tables/shift.csv")
    for metric in ("lpips_vgg", "dists", "cmmd_clip", "seed_diversity"):
        phase = "confirm" if metric == "seed_diversity" else "screen"
        value = row(summaries, metric, phase).mean
        assert value is not None and value > 0, metric
    assert row(summaries, "kid_clip").note.startswith("8 images, 32 needed")
    signed = json.loads((tmp_path / "reports/signatures.json").read_text())
    assert signed["dists"]["weights"] == {"vgg16": networks["vgg16"]["sha256"]}
    assert signed["cmmd_clip"]["weights"] == {"clip": networks["clip"]["sha256"]}
    assert set(signed["alignment"]["weights"]) == {"clip", "detector"}


def test_prompts_too_long_for_clip_are_counted(
    tmp_path: Path, networks: dict[str, dict[str, str]]
) -> None:
    """Of eight drawn prompts those of a composition have more letters than fit."""
    finish(tmp_path, networks, judge="none")
    summaries = read_summaries(tmp_path / "reports/tables/shift.csv")
    score, coverage = row(summaries, "clip_score"), row(summaries, "clip_coverage")
    assert coverage.mean is not None and 0 < coverage.mean < 1
    assert score.num_prompts == round(coverage.mean * 8)
    missing = 8 - score.num_prompts
    assert score.note == f"{missing} of 8 images have no number"


def test_what_is_not_declared_is_absent(tmp_path: Path) -> None:
    finish(tmp_path, {}, judge="none")
    results = read_results(tmp_path / "metrics/shift.json")["shift"]
    assert not set(results["shift=1.0"]) & NEED_NETWORKS
    assert results["shift=1.0"]["lpips"] is not None
    assert results["shift=1.0"]["seed_diversity"] is None


def test_other_weights_than_declared_are_refused(
    tmp_path: Path, networks: dict[str, dict[str, str]]
) -> None:
    other = {"vgg16": networks["vgg16"] | {"sha256": "0" * 64}}
    with pytest.raises(ValueError, match=r"networks\.vgg16: .* declared is 000"):
        finish(tmp_path, other, judge="none")
