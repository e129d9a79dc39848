"""The stages that encode and draw, on a random-weight model: resumed, torn, short of memory."""

import errno
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from diffusers import ZImagePipeline

from stages import expand_studies, extract_embeddings, generate_images, run
from tests.support.projects.toy_project import PARAMS, SPEC, enter_project, outputs, save_yaml
from zimage_eval.output.png import decode_png, pixels_digest, read_png_text
from zimage_eval.output.tables import IMAGES, read_table
from zimage_eval.sampling import generation, painter


@pytest.fixture
def project(tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with parameters, model and prompts; embeddings are extracted."""
    enter_project(tmp_path, tiny_folder, PARAMS, monkeypatch)
    extract_embeddings.main()
    return tmp_path


def table(study: str) -> list[dict[str, Any]]:
    return read_table(Path(f"data/images/{study}/images.parquet"), IMAGES).to_pylist()


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that were made, not taken from the store."""
    sizes: list[int] = []
    render = generation.render_batch

    def spy(pipe: ZImagePipeline, batch: Any, settings: Any) -> Any:  # noqa: ANN401
        images = render(pipe, batch, settings)
        sizes.append(len(batch.seeds))
        return images

    monkeypatch.setattr(painter, "render_batch", spy)
    return sizes


def fail_when(
    monkeypatch: pytest.MonkeyPatch, condition: Callable[[Any], bool], error: BaseException
) -> None:
    """Make the denoising of some batches fail."""
    denoise = generation.denoise_batch

    def failing(pipe: ZImagePipeline, batch: Any, settings: Any) -> Any:  # noqa: ANN401
        if condition(batch):
            raise error
        return denoise(pipe, batch, settings)

    monkeypatch.setattr(generation, "denoise_batch", failing)


def test_embeddings_of_a_study_are_its_own_and_the_same_each_time(project: Path) -> None:
    folder = project / "data" / "embeddings"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == {"baseline.parquet", "hidden_layer.parquet", "guidance.parquet"}
    texts = {name: set(pq.read_table(folder / name)["text"].to_pylist()) for name in before}
    assert texts["guidance.parquet"] - texts["baseline.parquet"] == {"blurry"}
    changed = json.loads(json.dumps(PARAMS))
    changed["studies"]["hidden_layer"]["vary"]["encoder"]["hidden_layer"] = [-1, -2, 0]
    del changed["studies"]["guidance"]
    save_yaml(project / "params.yaml", changed)
    expand_studies.main()
    extract_embeddings.main()
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(after) == {"baseline.parquet", "hidden_layer.parquet"}
    assert after["baseline.parquet"] == before["baseline.parquet"]
    assert after["hidden_layer.parquet"] != before["hidden_layer.parquet"]


def test_table_lists_every_image_with_how_it_was_made(project: Path) -> None:
    generate_images.main("guidance")
    rows = table("guidance")
    assert len(rows) == 2 * 3 + 2  # the study names no rival, so the baseline alone is confirmed
    for row in rows:
        guided = row["variant"] == "guidance_scale=1.0"
        assert row["error"] is None
        assert row["num_forwards"] == (4 if guided else 2)
        assert row["sigmas"] == pytest.approx([1.0, 0.75, 0.0])
        data = (project / "data/images/guidance" / row["file"]).read_bytes()
        assert decode_png(data).shape == (3, 16, 24)
        assert row["pixels"] == pixels_digest(decode_png(data))
        assert json.loads(read_png_text(data)["zimage_eval"])["batch_size"] == row["batch_size"]
    assert {row["file"] for row in rows if row["prompt_id"] == "b/1"} == {
        "guidance_scale=0.0/b_1-7.png",
        "guidance_scale=1.0/b_1-7.png",
    }
    assert [row["batch_size"] for row in rows[:3]] == [2, 2, 1]


def test_pixels_are_the_pipelines(project: Path) -> None:
    generate_images.main("baseline")
    pipe = ZImagePipeline.from_pretrained(project / "models" / "tiny")
    pipe.set_progress_bar_config(disable=True)
    [row] = [row for row in table("baseline") if row["prompt_id"] == "c"]
    expected = pipe(
        "x",
        height=16,
        width=24,
        num_inference_steps=2,
        guidance_scale=0.0,
        max_sequence_length=64,
        generator=torch.Generator("cpu").manual_seed(row["seed"]),
        output_type="pt",
    ).images[0]
    pixels = decode_png((project / "data/images/baseline" / row["file"]).read_bytes())
    assert torch.equal(pixels, (expected * 255).round().to(torch.uint8))


def test_store_is_only_a_shortcut(
    project: Path, monkeypatch: pytest.MonkeyPatch, rendered: list[int]
) -> None:
    generate_images.main("guidance")
    first, made = outputs("guidance"), len(rendered)
    assert made == 5
    generate_images.main("guidance")
    assert outputs("guidance") == first
    assert len(rendered) == made  # all from the store
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    generate_images.main("guidance")
    assert outputs("guidance") == first
    assert len(rendered) == 2 * made


def test_number_of_workers_changes_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, rendered: list[int]
) -> None:
    embeddings = {path: path.read_bytes() for path in (project / "data/embeddings").iterdir()}
    generate_images.main("guidance")
    alone, made = outputs("guidance"), len(rendered)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    extract_embeddings.main()
    generate_images.main("guidance")
    assert embeddings == {path: path.read_bytes() for path in embeddings}
    assert outputs("guidance") == alone
    assert len(rendered) == 2 * made


def test_baseline_is_drawn_once_for_all_studies(project: Path, rendered: list[int]) -> None:
    generate_images.main("baseline")
    assert sum(rendered) == 5
    generate_images.main("guidance")
    assert sum(rendered) == 5 + 3
    names = {"baseline": "baseline", "guidance": "guidance_scale=0.0"}
    files = [
        {path.split("/")[1]: data for path, data in outputs(study).items() if path.startswith(name)}
        for study, name in names.items()
    ]
    assert files[0] == files[1]


def test_killed_run_resumes_to_the_same_bytes(
    project: Path, monkeypatch: pytest.MonkeyPatch, rendered: list[int]
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        fail_when(patch, lambda batch: len(rendered) >= 2, KeyboardInterrupt())
        generate_images.main("hidden_layer")
    assert 2 <= len(rendered) < 6
    # One image of a batch that was made is cut off: the whole batch is made again.
    torn = sorted((project / "store").rglob("*.png"))[0]
    torn.write_bytes(torn.read_bytes()[:40])
    generate_images.main("hidden_layer")
    resumed = outputs("hidden_layer")
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    generate_images.main("hidden_layer")
    assert outputs("hidden_layer") == resumed


def test_level_that_the_model_lacks_is_a_row(project: Path) -> None:
    generate_images.main("hidden_layer")
    lacking = [row for row in table("hidden_layer") if row["variant"] == "hidden_layer=-9"]
    assert len(lacking) == 3
    for row in lacking:
        assert row["error"] == "not available: hidden_layer -9: this text encoder has -4 to 3"
        assert row["file"] is row["num_forwards"] is row["sigmas"] is row["batch_size"] is None
    assert sum(row["error"] is None for row in table("hidden_layer")) == 2 * (3 + 2)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_out_of_memory_halves_the_batch(
    project: Path, monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    with monkeypatch.context() as patch:
        fail_when(patch, lambda batch: len(batch.seeds) > 1, error)
        generate_images.main("baseline")
    assert [row["batch_size"] for row in table("baseline")] == [1] * 5
    halved = outputs("baseline")
    save_yaml(project / "models" / "tiny.yaml", {**SPEC, "batch_size": 1})
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    generate_images.main("baseline")
    assert outputs("baseline") == halved


def test_what_is_not_finite_is_rows_and_the_rest_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        error = FloatingPointError("decoded image\nis not finite")
        fail_when(patch, lambda batch: len(batch.seeds) == 1, error)
        generate_images.main("baseline")
    errors = {row["prompt_id"]: row["error"] for row in table("baseline")}
    words = "FloatingPointError: decoded image is not finite"
    assert errors == {"a": None, "b/1": None, "c": words, "d": None}
    digests = {row["prompt_id"] for row in table("baseline") if row["pixels"]}
    assert digests == {"a", "b/1", "d"}
    assert "1 failed" in capsys.readouterr().out
    fail_when(monkeypatch, lambda batch: True, error)
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    with pytest.raises(ValueError, match="baseline: every image failed, the first one with: Float"):
        generate_images.main("baseline")


def test_settings_that_no_number_holds_are_rows(project: Path) -> None:
    changed = json.loads(json.dumps(PARAMS))
    study = changed["studies"]["guidance"]
    study["vary"] = {"rope": {"ntk_scaling": [1.0, 1e300]}}
    save_yaml(project / "params.yaml", changed)
    expand_studies.main()
    extract_embeddings.main()
    generate_images.main("guidance")
    failed = [row["error"] for row in table("guidance") if row["error"]]
    assert len(failed) == 3
    assert all(error.startswith("FloatingPointError: rotary embedding") for error in failed)


ENDS = (
    RuntimeError("no\nkernel"),
    torch.OutOfMemoryError("full"),
    OSError(errno.EIO, "Input/output error", "models/x.safetensors"),
    ImportError("libcudnn.so.9: cannot open shared object file"),
    ZeroDivisionError("division by zero"),
)


@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
def test_any_other_error_ends_the_stage_and_the_next_run_goes_on(
    project: Path, monkeypatch: pytest.MonkeyPatch, rendered: list[int], error: Exception
) -> None:
    with monkeypatch.context() as patch:
        fail_when(patch, lambda batch: 8 in batch.seeds, error)  # the confirmed ones, drawn last
        name = "MemoryError" if isinstance(error, torch.OutOfMemoryError) else type(error).__name__
        words = f"^baseline: 2 of 5 images are missing: {name}: [^\n]+$"
        with pytest.raises(ValueError, match=words):
            generate_images.main("baseline")
    assert not (project / "data/images/baseline/images.parquet").exists()
    drawn = sum(rendered)
    generate_images.main("baseline")
    assert sum(rendered) == drawn + 2
    resumed = outputs("baseline")
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    generate_images.main("baseline")
    assert outputs("baseline") == resumed


@pytest.mark.parametrize("error", [TypeError("no"), KeyError("x"), AssertionError()])
def test_a_mistake_of_the_program_is_shown_as_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    fail_when(monkeypatch, lambda batch: True, error)
    with pytest.raises(type(error)):
        generate_images.main("baseline")


@pytest.mark.parametrize(
    "error",
    [
        OSError("Unable to load weights from checkpoint file"),
        MemoryError("Unable to allocate 23.0 GiB"),
        RuntimeError("CUDA error: no kernel image is available"),
    ],
)
def test_weights_that_cant_be_loaded_end_the_stage_in_one_line(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
) -> None:
    generate_images.main("baseline")

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(painter, "load_image_side", fail)
        patch.setattr("sys.argv", ["generate_images", "guidance"])
        run(generate_images.main)
    assert ended.value.code == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if "error: " in line]
    # The baseline's 5 pictures are in the store; the last 2 of them may not have been asked for.
    found = re.fullmatch(
        r"error: guidance: ([3-5]) of 8 images are missing: (\w+): (.*)", line.split("\r")[-1]
    )
    assert found and found[2] == type(error).__name__ and found[3] == str(error)
    generate_images.main("guidance")
    resumed = outputs("guidance")
    monkeypatch.setenv("ZIMAGE_EVAL_STORE", "off")
    generate_images.main("guidance")
    assert outputs("guidance") == resumed


def test_bad_input_is_refused_before_anything_is_deleted(project: Path) -> None:
    generate_images.main("baseline")
    before = outputs("baseline")
    bad = json.loads(json.dumps(SPEC))
    bad["defaults"]["image"]["height"] = 20
    save_yaml(project / "models" / "tiny.yaml", bad)
    expand_studies.main()
    for stage in (extract_embeddings.main, lambda: generate_images.main("baseline")):
        with pytest.raises(ValueError, match=r"^image\.height: 20 is not a multiple of 8$"):
            stage()
    save_yaml(project / "models" / "tiny.yaml", SPEC)
    expand_studies.main()
    with pytest.raises(ValueError, match="unknown study 'base', did you mean 'baseline'"):
        generate_images.main("base")
    shutil.rmtree(project / "models" / "tiny" / "vae")
    with pytest.raises(ValueError, match="no such file; put or link"):
        generate_images.main("baseline")
    shutil.rmtree(project / "models" / "tiny" / "text_encoder")
    with pytest.raises(ValueError, match=r"^models/tiny/text_encoder/\S+: no such file"):
        extract_embeddings.main()
    assert outputs("baseline") == before
