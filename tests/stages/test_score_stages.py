import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from stages import (
    build_reference,
    collect_headline,
    compute_features,
    compute_scores,
    measure_judge,
    render_report,
    summarize,
    weigh_claims,
)
from tests.support.projects.synthetic_study import write_project
from tests.support.repository import ROOT
from zimage_eval.config.metrics import available_metrics
from zimage_eval.config.variants import Variant
from zimage_eval.output.png import encode_png, pixels_digest, read_picture
from zimage_eval.output.results import read_results
from zimage_eval.output.tables import (
    IMAGES,
    SWAPPED_PROMPTS,
    read_table,
    scores_schema,
    write_table,
)
from zimage_eval.studies.summaries import read_summaries


def fail(variant: Variant, prompt_id: str) -> str | None:
    if variant.settings.encoder.hidden_layer == -9:
        return "not available: hidden_layer -9: this text encoder has -5 to 4"
    if variant.settings.encoder.hidden_layer == -3 and prompt_id.endswith("-001"):
        return "RuntimeError: NaN in the latents"
    return None


QUESTIONS = ROOT / "questions"


@pytest.fixture(scope="module", params=["scenes", "none"])
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished project, with and without a judge."""
    folder = tmp_path_factory.mktemp(f"judge-{request.param}")
    sizes = {"screen": 16, "confirm": 8}
    write_project(folder, judge=request.param, num_prompts=sizes, failure=fail)
    for name in ("tokenizer/tokenizer.json", "text_encoder/model.safetensors"):
        path = folder / "models" / "drawn" / name
        path.parent.mkdir()
        path.write_text("weights")
    (folder / "questions").mkdir()
    for name in ("a01-hidden-layer.yaml", "terms.yaml"):
        shutil.copy(QUESTIONS / name, folder / "questions")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_stages()
    return folder


def run_stages() -> None:
    build_reference.main()
    for study in ("baseline", "hidden_layer"):
        compute_features.main(study)
        compute_scores.main(study)
        summarize.main(study)
    measure_judge.main()
    weigh_claims.main()
    collect_headline.main()
    render_report.main()


SCORED = ("data/scores", "data/facts")


def is_judged(project: Path) -> bool:
    return "judge-scenes" in project.name


def test_every_image_has_a_row(project: Path) -> None:
    table = read_table(
        project / "data/scores/hidden_layer.parquet", scores_schema(available_metrics([]))
    )
    scored = table.to_pylist()
    rows = [row for row in scored if row["variant"] != SWAPPED_PROMPTS]
    assert len(rows) == 4 * 16 + 2 * 8 * 2
    swapped = [row for row in scored if row["variant"] == SWAPPED_PROMPTS]
    assert len(swapped) == 16 + 8 * 2
    assert all((row["alignment"] is None) != is_judged(project) for row in swapped)
    assert all(row[name] is None for row in rows if row["error"] for name in available_metrics([]))
    for row in rows:
        if not row["error"]:
            is_baseline = row["variant"] == "hidden_layer=-2"
            assert (row["lpips"] is None) == is_baseline
            assert (row["alignment"] is None) != is_judged(project)


def test_results_have_a_number_or_null_for_everything(project: Path) -> None:
    results = read_results(project / "metrics/hidden_layer.json")["hidden_layer"]
    assert list(results) == [
        "confirm",
        "hidden_layer=-1",
        "hidden_layer=-2",
        "hidden_layer=-3",
        "hidden_layer=-9",
        *([SWAPPED_PROMPTS] if is_judged(project) else []),
    ]
    assert results["hidden_layer=-3"]["coverage"] == 0.75
    assert results["hidden_layer=-9"]["coverage"] is None
    assert results["hidden_layer=-9"]["lpips"] is None
    assert results["confirm"]["num_prompts"] == 8
    assert results["hidden_layer=-1"]["cosine_drift_content"] == pytest.approx(0.02, abs=0.01)
    if is_judged(project):
        alignment = {name: results[name]["alignment"] for name in results if name != "confirm"}
        assert alignment["hidden_layer=-2"] > alignment["hidden_layer=-1"]  # type: ignore[operator]
        assert results["confirm"]["alignment_difference"] < 0  # type: ignore[operator]
    else:
        assert results["confirm"]["alignment_difference"] is None


def test_sets_of_pictures_have_a_number_or_a_reason(project: Path) -> None:
    """16 screened images are too few for any, and so are 16 to confirm."""
    results = read_results(project / "metrics/hidden_layer.json")["hidden_layer"]
    assert results["hidden_layer=-1"]["kid_alexnet"] is None
    rows = read_summaries(project / "reports/tables/hidden_layer.csv")
    kid = {(r.variant, r.phase): r for r in rows if r.metric == "kid_alexnet"}
    assert kid["hidden_layer=-1", "screen"].note == "16 images, 32 needed"
    assert kid["hidden_layer=-9", "screen"].note == "0 images, 32 needed"
    assert "no `kid_alexnet`" in (project / "reports/report.md").read_text()


def test_numbers_are_signed(project: Path) -> None:
    """Every number of the results has a signature."""
    results = read_results(project / "metrics/hidden_layer.json")["hidden_layer"]
    signed = json.loads((project / "reports/signatures.json").read_text())
    numbers = {name for variant, names in results.items() if variant != "confirm" for name in names}
    assert numbers - set(signed) == {"coverage", "num_prompts"}


def test_a_rerun_changes_no_byte(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    outputs = [
        path
        for folder in ("data/reference", "data/features", *SCORED, "metrics", "reports")
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    ]
    before = {path: path.read_bytes() for path in outputs}
    assert len(before) == 2 + 2 * 2 + 2 * 2 + 2 + 2 * 5 + 8
    run_stages()
    assert [path for path in outputs if path.read_bytes() != before[path]] == []


def test_the_report_holds_every_study_and_its_pictures(project: Path) -> None:
    for name in ("report.md", "report.html"):
        text = (project / "reports" / name).read_text()
        pictures = re.findall(r"figures/[a-z_/]+\.png", text)
        assert len(set(pictures)) == 8  # effect, front, heat map and grid of two studies
        assert all((project / "reports" / picture).is_file() for picture in pictures)
        assert "Keep the recommended hidden layer" in text
        assert "there is no rival named" in text
        assert "not available" in text and "RuntimeError: NaN in the latents" in text
        assert ("Highest alignment" in text) == is_judged(project)
        assert "None" not in text and "nan" not in text.replace("banana", "").replace("nano", "")


def test_headline_is_small(project: Path) -> None:
    headline = json.loads((project / "reports/headline.json").read_text())
    assert headline["coverage"] == {"lowest": 0.75}
    assert sum(headline["answers"].values()) == 1
    assert (headline["alignment"]["main"] is None) != is_judged(project)
    assert set(headline["gain"]) == ({"hidden_layer"} if is_judged(project) else set())
    table = (project / "reports/headline.csv").read_text().splitlines()
    assert len(table) == 1 + len(headline["gain"])


def test_every_number_leads_to_what_computed_it(project: Path) -> None:
    environments = json.loads((project / "reports/environment.json").read_text())
    [(name, named)] = environments.items()
    assert named["computed"] == [
        "build_reference",
        "extract_embeddings",
        *(
            f"{stage}/{study}"
            for stage in ("generate_images", "compute_features", "compute_scores")
            for study in ("baseline", "hidden_layer")
        ),
    ]
    signatures = json.loads((project / "reports/signatures.json").read_text())
    assert {tuple(signature["environments"]) for signature in signatures.values()} == {(name,)}
    assert f"(environment `{name}`)" in (project / "reports/report.md").read_text()


def test_scores_of_another_machine_say_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    kept = {path: path.read_bytes() for path in Path("reports").rglob("*") if path.is_file()}
    path = Path("data/environment/compute_scores/hidden_layer.json")
    here = path.read_text()
    path.write_text(json.dumps(json.loads(here) | {"device": "NVIDIA H100", "driver": "550.54.15"}))
    collect_headline.main()
    render_report.main()
    environments = json.loads(Path("reports/environment.json").read_text())
    devices = {key: named["environment"]["device"] for key, named in environments.items()}
    [other] = [key for key, device in devices.items() if device == "NVIDIA H100"]
    assert environments[other]["computed"] == ["compute_scores/hidden_layer"]
    signatures = json.loads(Path("reports/signatures.json").read_text())
    assert set(signatures["lpips"]["environments"]) == set(environments)
    assert other not in signatures["kid_alexnet"]["environments"]
    line = "compute_scores/hidden_layer: NVIDIA H100, driver 550.54.15, Python"
    assert line in Path("reports/report.md").read_text()
    path.write_text(here)
    collect_headline.main()
    render_report.main()
    assert [path for path, content in kept.items() if path.read_bytes() != content] == []


def test_a_study_that_left_params_leaves_the_report(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    params, report = Path("params.yaml"), Path("reports/report.md")
    kept, before = params.read_text(), report.read_text()
    params.write_text(kept[: kept.index("  hidden_layer:")])
    render_report.main()
    assert "\n## hidden_layer\n" in before
    assert "\n## hidden_layer\n" not in report.read_text()
    params.write_text(kept)
    render_report.main()
    assert report.read_text() == before


def test_a_missing_table_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    table = Path("reports/tables/baseline.csv")
    content = table.read_text()
    table.unlink()
    with pytest.raises(ValueError, match=r"baseline\.csv"):
        render_report.main()
    table.write_text(content)
    assert read_summaries(table)


@pytest.mark.parametrize(
    "module",
    ["summarize", "collect_headline", "render_report", "compute_scores", "compute_features"],
)
def test_help_and_summaries_need_no_torch(module: str) -> None:
    code = f"""
import sys
sys.argv = ["x", "--help"]
import runpy
try:
    runpy.run_module("stages.{module}", run_name="__main__")
except SystemExit as stop:
    assert stop.code == 0
assert "torch" not in sys.modules and "diffusers" not in sys.modules
if not "{module}".startswith("compute"):
    import zimage_eval.studies.set_summaries, zimage_eval.metrics.sets.features
    import zimage_eval.output.results, zimage_eval.studies.figures
    import zimage_eval.report.report, zimage_eval.report.web_page
    assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_pictures_of_8_pixels_are_scored_but_for_what_needs_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path, num_prompts={"screen": 4, "confirm": 4})
    monkeypatch.chdir(tmp_path)
    folder = Path("data/images/hidden_layer")
    images = read_table(folder / "images.parquet", IMAGES).to_pylist()
    for row in images:
        pixels = read_picture(folder / row["file"])[:, 20:28, 20:28]
        (folder / row["file"]).write_bytes(encode_png(pixels, {}))
        row["pixels"] = pixels_digest(pixels)
    listed = pa.Table.from_pylist(images, schema=IMAGES.columns)
    write_table(folder / "images.parquet", IMAGES, listed)
    compute_scores.main("hidden_layer")
    schema = scores_schema(available_metrics([]))
    table = read_table(Path("data/scores/hidden_layer.parquet"), schema).to_pylist()
    rivals = [row for row in table if row["variant"] == "hidden_layer=-1"]
    for name in ("lpips", "seed_diversity", "ssim"):
        assert {row[name] for row in table} == {None}
    assert all(row["identical"] is not None and row["sharpness"] is not None for row in rivals)
