"""Compared models: other pipelines are drawn with and scored, plans are read, weights may lack."""

import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch

import stages.pictures.compare_models
import stages.pictures.draw_model
from tests.support.models.tiny_model import build_tiny_model
from tests.support.models.tiny_pipelines import build_tiny_flux, build_tiny_sd3
from tests.support.projects.toy_project import PARAMS, SPEC, enter_project, save_yaml
from tests.support.repository import ROOT
from zimage_eval.benchmarks.comparison.drawing import zimage_request
from zimage_eval.benchmarks.comparison.models import (
    OtherPipeline,
    check_compared_models,
    expected_forwards,
    load_compared_model,
)
from zimage_eval.benchmarks.comparison.pipelines import draw_requests, load_pipeline, unavailable
from zimage_eval.benchmarks.comparison.prompts import AskedPrompt
from zimage_eval.config.model_spec import DtypeSettings, load_model_spec
from zimage_eval.config.params import load_params
from zimage_eval.config.weight_sources import write_digests
from zimage_eval.model.transformer import load_image_side
from zimage_eval.output.png import read_picture
from zimage_eval.output.results import read_results
from zimage_eval.output.tables import IMAGES, read_table
from zimage_eval.prompts.facts import Facts
from zimage_eval.sampling.batches import ImageRequest
from zimage_eval.text.encoder import load_text_side

CPU = torch.device("cpu")
RED: dict[str, Any] = {"objects": [{"name": "circle", "color": "red"}]}
BLUE: dict[str, Any] = {"objects": [{"name": "square", "color": "blue"}]}
RECOMMENDED = {
    "num_inference_steps": 2,
    "guidance_scale": 3.5,
    "max_sequence_length": 32,
    "image": {"height": 16, "width": 24},
}


def other(pipeline: str, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    shared = {"title": pipeline, "dtype": "float32", "batch_size": 3}
    return {**shared, "pipeline": pipeline, "recommended": {**RECOMMENDED, **changes}}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    build_tiny_model(folder / "tiny")
    build_tiny_flux(folder / "flux")
    build_tiny_sd3(folder / "sd3")
    return folder


@pytest.fixture
def project(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four prompts, three models with weights and one without."""
    comparison = {
        "models": ["tiny", "flux", "sd3", "absent"],
        "prompt_set": "toy",
        "num_prompts": 2,
        "num_seeds": 2,
        "capabilities": "toy_capabilities",
        "num_capability_seeds": 1,
    }
    size = {"height": 64, "width": 64}  # LPIPS takes no pictures as small as the other tests'
    spec = {**SPEC, "judge": "scenes", "defaults": {**SPEC["defaults"], "image": size}}
    params = {**PARAMS, "comparison": comparison}
    enter_project(tmp_path, weights / "tiny", params, monkeypatch, spec)
    for name in ("flux", "sd3"):
        shutil.copytree(weights / name, tmp_path / "models" / name)
    save_yaml(tmp_path / "models" / "flux.yaml", other("FluxPipeline", image=size))
    save_yaml(tmp_path / "models" / "sd3.yaml", other("StableDiffusion3Pipeline", image=size))
    save_yaml(tmp_path / "models" / "absent.yaml", other("FluxPipeline", image=size))
    sets = {
        "toy/object": [("a", "a red circle", RED), ("b", "a blue square", BLUE)],
        "toy_capabilities/inferred": [
            ("c/inferred", "a tomato's circle", RED),
            ("d/inferred", "a square of sky", BLUE),
        ],
        "toy_capabilities/stated": [
            ("c/stated", "the red circle", RED),
            ("d/stated", "the blue square", BLUE),
        ],
    }
    for path, prompts in sets.items():
        file = tmp_path / "prompts" / f"{path}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        save_yaml(file, [{"id": i, "text": t, "facts": f} for i, t, f in prompts])
    (tmp_path / "models" / "lpips-alexnet").symlink_to(ROOT / "models" / "lpips-alexnet")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "pipeline", "scale", "forwards"),
    [
        ("flux", "FluxPipeline", 3.5, 2),  # told its guidance: no second forward
        ("sd3", "StableDiffusion3Pipeline", 3.5, 4),
        ("sd3", "StableDiffusion3Pipeline", 1.0, 2),
    ],
)
def test_another_pipeline_draws_by_itself_as_in_a_batch(
    weights: Path, tmp_path: Path, name: str, pipeline: str, scale: float, forwards: int
) -> None:
    model = OtherPipeline.model_validate(other(pipeline, guidance_scale=scale))
    pipe = load_pipeline(weights / name, model, CPU)
    texts = ("a red circle", "a large square in a frame")
    requests = [ImageRequest("m", "screen", f"p{i}", i + 5, text) for i, text in enumerate(texts)]
    rows = draw_requests(pipe, model, requests, tmp_path / "batch")
    assert [row["num_forwards"] for row in rows] == [forwards] * 2
    assert expected_forwards(model) == forwards
    for request in requests:
        [row] = draw_requests(pipe, model, [request], tmp_path / "alone")
        alone, together = (read_picture(tmp_path / d / row["file"]) for d in ("alone", "batch"))
        assert alone.shape == (3, 16, 24)
        assert (alone.int() - together.int()).abs().max() <= 1
    own = pipe(
        prompt=texts[1],
        generator=torch.Generator("cpu").manual_seed(6),
        num_inference_steps=2,
        guidance_scale=scale,
        max_sequence_length=32,
        height=16,
        width=24,
        output_type="pt",
    ).images[0]
    assert torch.equal((own * 255).round().to(torch.uint8), alone)


class FakePipe(NamedTuple):
    """Stands for a pipeline that draws the given pictures."""

    transformer: torch.nn.Module
    scheduler: Any
    pictures: torch.Tensor

    def __call__(self, **_: object) -> SimpleNamespace:
        for _step in range(2):
            self.transformer(self.pictures)
        return SimpleNamespace(images=self.pictures)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_picture_that_is_not_finite_is_a_row_and_the_others_are_kept(
    tmp_path: Path, value: float
) -> None:
    pictures = torch.full((3, 3, 16, 24), 0.5)
    pictures[1, 0, 0, 0] = value
    scheduler = SimpleNamespace(sigmas=torch.tensor([1.0, 0.0]))
    pipe = FakePipe(torch.nn.Identity(), scheduler, pictures)
    model = OtherPipeline.model_validate(other("FluxPipeline"))
    requests = [ImageRequest("m", "screen", f"p{index}", 7, "x") for index in range(3)]
    rows = draw_requests(pipe, model, requests, tmp_path)
    words = "FloatingPointError: the image is not finite"
    assert [row["error"] for row in rows] == [None, words, None]
    assert [row["file"] for row in rows] == ["m/p0-7.png", None, "m/p2-7.png"]
    assert [row["num_forwards"] for row in rows] == [2, None, 2]
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == ["p0-7.png", "p2-7.png"]


@pytest.mark.parametrize(
    ("model", "loader", "words"),
    [
        (
            "tiny",
            "sampling.painter.load_image_side",
            "tiny: 12 of 12",
        ),
        (
            "flux",
            "benchmarks.comparison.drawing.load_pipeline",
            "FluxPipeline: 8 of 8",
        ),
    ],
)
def test_weights_that_cant_be_loaded_end_the_drawing(
    project: Path, monkeypatch: pytest.MonkeyPatch, model: str, loader: str, words: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError("torn")

    with (
        monkeypatch.context() as patch,
        pytest.raises(ValueError, match=f"^{words} images are missing: OSError: torn$"),
    ):
        patch.setattr(f"zimage_eval.{loader}", fail)
        stages.pictures.draw_model.main(model)
    assert not (project / "data" / "comparison" / model / "images.parquet").exists()


def test_the_own_family_draws_what_its_pipeline_draws(weights: Path, tmp_path: Path) -> None:
    save_yaml(tmp_path / "tiny.yaml", SPEC)
    spec, folder = load_model_spec(tmp_path / "tiny.yaml"), weights / "tiny"
    number = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
    side, pipe = load_text_side(folder, number, CPU), load_image_side(folder, number, CPU)
    facts = Facts.model_validate(RED)
    plain = AskedPrompt("a", "object", "a red circle", None, facts, (7,), False)
    planned = plain._replace(prompt_id="b", plan="the red circle")
    requests = [ImageRequest("m", "screen", p.prompt_id, 7, p.text) for p in (plain, planned)]
    request = zimage_request(requests, {"a": plain, "b": planned}, spec, side)
    pipe.tokenizer, pipe.text_encoder = side
    [own], _ = pipe.encode_prompt("a red circle", device=CPU, max_sequence_length=64)
    assert torch.equal(request.prompt_embeds[0], own)
    without, with_plan = request.prompt_embeds
    assert len(with_plan) > len(without)  # the encoder is causal: the prompt's own tokens are equal
    assert torch.allclose(with_plan[: len(without)], without, atol=1e-5)


def test_models_are_drawn_and_scored_side_by_side(project: Path) -> None:
    for model in ("tiny", "flux", "sd3", "absent"):
        stages.pictures.draw_model.main(model)
    _write_reference(project)
    stages.pictures.compare_models.main()
    rows = read_results(project / "metrics" / "comparison.json")["comparison"]
    for model in ("tiny", "flux", "sd3"):
        assert rows[model]["available"] == 1
        assert rows[model]["num_units"] == 2
        assert rows[model]["alignment"] is not None
        assert rows[model]["seed_diversity"] is not None
    assert rows["sd3"]["num_forwards"] == rows["sd3"]["expected_forwards"] == 4
    assert rows["flux"]["num_forwards"] == rows["flux"]["expected_forwards"] == 2
    assert rows["absent"] == {"available": 0, "expected_forwards": 2}
    assert {"tiny - flux", "tiny - sd3", "flux - sd3"} <= rows.keys()
    assert set(rows["checks"].values()) == {1}
    table = (project / "reports" / "tables" / "comparison.csv").read_text()
    assert "absent,,,,,not available: models/absent/model_index.json: no such file" in table
    # a plan is for those who have a think block
    images = read_table(project / "data/comparison/flux/images.parquet", IMAGES).to_pylist()
    errors = {row["prompt_id"]: row["error"] for row in images}
    assert errors["c/planned"] == "not available: FluxPipeline has no think block"
    assert errors["c/inferred"] is None
    assert rows["flux/capabilities"].get("planning_gain") is None
    assert rows["tiny/capabilities"]["planning_gain"] is not None
    assert (project / "reports/figures/comparison/capabilities.png").is_file()


def _write_reference(project: Path) -> None:
    """As many made-up reference pictures as KID takes."""
    from zimage_eval.metrics.sets.features import write_reference

    features = torch.randn(40, 256, generator=torch.Generator().manual_seed(0)).numpy()
    names = [f"r{index:02}" for index in range(40)]
    write_reference(project / "data" / "reference" / "alexnet.parquet", names, features)


def test_what_is_missing_is_said(weights: Path, tmp_path: Path) -> None:
    model = OtherPipeline.model_validate(other("FluxPipeline"))
    assert unavailable(weights / "flux", model, CPU) is None
    reason = unavailable(weights / "sd3", model, CPU)
    assert reason is not None and "is a StableDiffusion3Pipeline, not the FluxPipeline" in reason
    index = (weights / "flux" / "model_index.json").read_text()
    (tmp_path / "model_index.json").write_text(index)
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "config.json").write_text("{}")
    reason = unavailable(tmp_path, model, CPU)
    assert reason is not None and "holds no scheduler, text_encoder, text_encoder_2" in reason
    assert "weights of vae" in reason
    assert "image_encoder" not in reason  # FLUX.1 has none, and its index says so
    assert json.loads(index)["image_encoder"] == [None, None]


def test_what_a_machine_cant_hold_is_not_available(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("model.memory", "benchmarks.comparison.pipelines"):
        monkeypatch.setattr(f"zimage_eval.{module}.device_bytes", lambda device: 1000)
    save_yaml(tmp_path / "tiny.yaml", SPEC)
    flux = OtherPipeline.model_validate(other("FluxPipeline"))
    for folder, model in (("flux", flux), ("tiny", load_model_spec(tmp_path / "tiny.yaml"))):
        reason = unavailable(weights / folder, model, CPU)
        assert reason is not None and "this machine's cpu has 0.0 GiB" in reason


@pytest.mark.parametrize("model", ["flux1-dev", "flux1-schnell", "sd35-large"])
def test_the_committed_settings_are_read(model: str) -> None:
    found = load_compared_model(ROOT / "models" / f"{model}.yaml")
    assert isinstance(found, OtherPipeline)
    assert unavailable(Path(f"models/{model}-that-nobody-has"), found, CPU) is not None


def test_fetched_weights_of_another_pipeline_are_held_to_their_digests(
    weights: Path, tmp_path: Path
) -> None:
    shutil.copytree(weights / "flux", tmp_path / "flux")
    save_yaml(tmp_path / "flux.yaml", other("FluxPipeline"))
    entry = load_params(ROOT / "params.yaml").comparison
    assert entry is not None
    compared = entry.model_copy(update={"models": ("flux",)})
    check_compared_models(tmp_path, compared, "nano")
    name = "text_encoder_2/config.json"  # a part that the Z-Image family has not
    right = hashlib.sha256((tmp_path / "flux" / name).read_bytes()).hexdigest()
    write_digests(tmp_path / "flux.sha256", "x", {name: right})
    check_compared_models(tmp_path, compared, "nano")
    write_digests(tmp_path / "flux.sha256", "x", {name: "0" * 64})
    with pytest.raises(ValueError, match=rf"{name}: has sha256 {right}, .*flux\.sha256 states 0"):
        check_compared_models(tmp_path, compared, "nano")


def test_unknown_pipelines_and_keys_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    save_yaml(path, other("KandinskyPipeline"))
    with pytest.raises(ValueError, match=r"pipeline: .*got 'KandinskyPipeline'"):
        load_compared_model(path)
    save_yaml(path, {**other("FluxPipeline"), "judge": "none"})
    with pytest.raises(ValueError, match="unknown key 'judge'"):
        load_compared_model(path)
