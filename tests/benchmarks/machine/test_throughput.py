"""Benchmarks of a machine on a tiny model: bars add up, arithmetic is right, twins are compared."""

from pathlib import Path

import pytest
import torch

from tests.support.projects.toy_project import SPEC
from tests.support.repository import ROOT
from zimage_eval.benchmarks.machine import compile as benchmark_compile
from zimage_eval.benchmarks.machine.compile import (
    compile_gains,
    compile_transformer,
    double_batch,
    measure_compile,
    uncompile,
    why_not_compiled,
)
from zimage_eval.benchmarks.machine.figures import (
    draw_compile,
    draw_profile,
    draw_quantization,
    draw_throughput,
)
from zimage_eval.benchmarks.machine.kernels import measure_kernels
from zimage_eval.benchmarks.machine.loaded_model import LoadedModel, load_model, pick_jobs
from zimage_eval.benchmarks.machine.profile import (
    PARTS,
    forward_seconds,
    measure_profile,
    profile_image,
    profile_rows,
)
from zimage_eval.benchmarks.machine.quantization import (
    CEILING,
    FLOOR_BATCH,
    FULL,
    measure_quantization,
)
from zimage_eval.benchmarks.machine.results import MachineValue, Rows, write_machine_results
from zimage_eval.benchmarks.machine.teacher_forcing import (
    record_forwards,
    relative_errors,
    replay_forward,
)
from zimage_eval.benchmarks.machine.throughput import compare_twins, measure_throughput
from zimage_eval.benchmarks.machine.timing import Span, Timeline
from zimage_eval.config.benchmarks import Compile, Profile, Quantization, Throughput
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.settings import override
from zimage_eval.metrics.networks.lpips_trunks import load_lpips
from zimage_eval.prompts.facts import Facts
from zimage_eval.prompts.sets import Prompt

CPU = torch.device("cpu")
FACTS = Facts.model_validate_json('{"objects": [{"name": "star"}]}')
PROMPTS = [
    Prompt(id=f"{category}-{number}", category=category, text=text, facts=FACTS)
    for category in ("one", "two")
    for number, text in enumerate(
        [f"a red circle, {category}", f"a small blue star, {category}", f"star {category}"]
    )
]


@pytest.fixture(scope="module")
def model(tiny_folder: Path) -> LoadedModel:
    spec = ModelSpec.model_validate(SPEC)
    loaded = load_model(tiny_folder, spec, CPU)
    # LPIPS takes no smaller picture.
    sides = [(("image", "height"), 64), (("image", "width"), 64)]
    return loaded._replace(defaults=override(loaded.defaults, sides))


def test_spans_add_up_to_the_time_between_the_ends() -> None:
    timeline = Timeline(CPU)
    for name in ("start", "a", "b", "a"):
        timeline.mark(name)
    spans = timeline.spans()
    assert [span.name for span in spans] == ["a", "b", "a"]
    first, last = timeline._marks[0][1], timeline._marks[-1][1]
    assert isinstance(first, float) and isinstance(last, float)
    assert sum(span.seconds for span in spans) == pytest.approx(last - first)


def test_rows_of_a_profile_by_hand() -> None:
    def spans(scale: float) -> list[Span]:
        names = ("encode", "loop", "denoise", "refine", "denoise", "loop", "decode", "save")
        seconds = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
        return [Span(name, scale * value) for name, value in zip(names, seconds, strict=True)]

    rows = profile_rows([spans(1), spans(3)], [40.0, 120.0])
    assert rows["denoise"] == {
        "seconds": 16, "lowest_seconds": 8, "highest_seconds": 24, "share": 8 / 36,
    }  # fmt: skip
    assert rows["forward=1"] == {"seconds": 24}
    assert rows["whole"] == {"seconds": 72, "clock_seconds": 80}
    assert forward_seconds(spans(1) + spans(1)[1:]) == [12, 12]


def test_a_measured_bar_adds_up_and_counts_every_forward(model: LoadedModel) -> None:
    rows = measure_profile(model, Profile(num_repeats=2), PROMPTS)
    parts = [rows[part]["seconds"] for part in PARTS]
    assert sum(float(value or 0) for value in parts) == pytest.approx(rows["whole"]["seconds"])
    assert sum(float(rows[part]["share"] or 0) for part in PARTS) == pytest.approx(1)
    assert [row for row in rows if row.startswith("forward")] == ["forward=1", "forward=2"]
    names = {span.name for span in profile_image(model, "a red circle", 0)}
    assert names == set(PARTS)
    assert not model.pipe.transformer._forward_pre_hooks
    assert not model.pipe.transformer.context_refiner[0]._forward_pre_hooks


def test_throughput_compares_with_the_image_made_alone(model: LoadedModel) -> None:
    rows = measure_throughput(model, Throughput(batch_sizes=(4, 2), num_repeats=1), PROMPTS)
    assert list(rows) == ["batch=1", "batch=2", "batch=4"]
    assert rows["batch=1"]["num_equal_to_batch_1"] == rows["batch=1"]["num_images"] == 4
    for cells in rows.values():
        assert cells["max_difference_to_batch_1"] in (0, 1, 2)
        rate, seconds = cells["images_per_second"], cells["seconds_per_image"]
        assert isinstance(rate, float) and isinstance(seconds, float)
        assert rate * seconds == pytest.approx(1)


def test_twins_by_hand() -> None:
    black, gray = torch.zeros(3, 2, 2, dtype=torch.uint8), torch.full((3, 2, 2), 10).byte()
    found = compare_twins([black, gray], [black, black])
    assert found == {
        "num_images": 2, "num_equal_to_batch_1": 1,
        "max_difference_to_batch_1": 10, "mean_difference_to_batch_1": 5,
    }  # fmt: skip


def test_jobs_have_one_padded_length_and_no_pair_twice(model: LoadedModel) -> None:
    jobs = pick_jobs(model, PROMPTS, 8)
    assert len({(job.prompt.id, job.seed) for job in jobs}) == 8
    assert len({-(-len(job.prompt_embeds) // 32) for job in jobs}) == 1


def test_recorded_forwards_are_those_of_the_run(model: LoadedModel) -> None:
    [job] = pick_jobs(model, PROMPTS, 1)
    forwards = record_forwards(model.pipe, [job.prompt_embeds], [job.seed], model.defaults)
    assert [float(forward.timesteps) for forward in forwards] == pytest.approx([0, 0.25])
    velocity = replay_forward(model.pipe.transformer, forwards[0])
    assert torch.equal(replay_forward(model.pipe.transformer, forwards[0]), velocity)
    assert relative_errors(velocity * 3, velocity) == pytest.approx([2])
    assert len(replay_forward(model.pipe.transformer, double_batch(forwards[0]))) == 2


def test_break_even_by_hand() -> None:
    off: dict[str, MachineValue] = {"seconds_per_forward": 3.0}
    arm: dict[str, MachineValue] = {"seconds_per_forward": 2.0, "first_call_seconds": 83.0}
    # 81 seconds more at first, 8 fewer an image: the eleventh pays the last of it.
    assert compile_gains(off, arm, 8) == {"times_as_fast": 1.5, "break_even_images": 11}
    assert compile_gains(off, arm | {"seconds_per_forward": 3.0}, 8)["break_even_images"] is None


def test_what_is_compiled_is_undone(model: LoadedModel) -> None:
    transformer = model.pipe.transformer
    compile_transformer(transformer, "regional")
    assert transformer.layers[0]._compiled_call_impl is not None
    uncompile(transformer)
    compile_transformer(transformer, "whole")
    assert transformer._compiled_call_impl is not None
    uncompile(transformer)
    assert all(module._compiled_call_impl is None for module in transformer.modules())


def test_without_a_compiler_an_arm_says_so(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "")
    reason = why_not_compiled(CPU)
    assert reason is not None and "g++" in reason
    seen: list[Rows] = []
    rows = measure_compile(model, Compile(arms=("whole",), num_repeats=2), PROMPTS, seen.append)
    assert rows["whole"] == {"not_testable_here": reason}
    assert rows["off"]["worst_velocity_error"] == 0
    assert seen


def test_an_arm_that_fails_is_a_row(model: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("no\nluck")

    monkeypatch.setattr(benchmark_compile, "why_not_compiled", lambda _: None)
    monkeypatch.setattr(benchmark_compile, "compile_gains", fail)
    monkeypatch.setattr(benchmark_compile, "compile_transformer", lambda *_: None)
    entry = Compile(arms=("regional",), num_repeats=1)
    rows = measure_compile(model, entry, PROMPTS, lambda _: None)
    assert rows["regional"] == {"error": "RuntimeError: no luck"}


ENTRY = Quantization(
    num_bits=(8, 4),
    parts=("text_encoder", "vae", "all"),
    group_size=32,
    num_prompts=4,
    num_seeds=1,
)


def test_quantization_changes_what_it_says(model: LoadedModel) -> None:
    network = load_lpips(ROOT / "models" / "lpips-alexnet")
    found = measure_quantization(model, ENTRY, PROMPTS, 2, lambda *_: None, network, lambda _: None)
    rows = found.rows
    full = rows[FULL]
    assert full["latent_error"] == full["lpips"] == 0
    assert full["identical"] == 1
    assert full["embedding_cosine_lowest"] == pytest.approx(1)
    assert full["psnr"] is None and full["alignment"] is None
    for num_bits in (8, 4):
        # The autoencoder comes last: it can change no latent, the text encoder all of them.
        assert rows[f"vae=int{num_bits}"]["latent_error"] == 0
        assert rows[f"vae=int{num_bits}"]["velocity_error"] is None
        assert rows[f"vae=int{num_bits}"]["identical"] == 0
        assert float(rows[f"text_encoder=int{num_bits}"]["velocity_error"] or 0) > 0
        weights = [rows[f"{part}=int{num_bits}"]["weights_gib"] for part in ("vae", "all")]
        assert float(full["weights_gib"] or 0) > float(weights[0] or 0) > float(weights[1] or 0)
    for part in ("text_encoder", "all"):
        cosines = [rows[f"{part}=int{bits}"]["embedding_cosine_lowest"] for bits in (8, 4)]
        assert 1 - 1e-9 > float(cosines[0] or 0) > float(cosines[1] or 0)
    assert float(rows[CEILING]["lpips"] or 0) > float(rows[FLOOR_BATCH]["lpips"] or 0)
    assert {entry.unit for entry in found.observations} == {"one-0", "one-1", "two-0", "two-1"}
    (axes,) = draw_quantization(rows, found.observations).axes
    assert len(axes.get_yticks()) == len(rows) - 1


def test_kernels_are_not_testable_on_a_processor(model: LoadedModel) -> None:
    rows = measure_kernels(model, ENTRY, PROMPTS, lambda _: None)
    assert all("no GPU" in str(cells["not_testable_here"]) for cells in rows.values())
    assert set(rows) >= {"transformer", "transformer=int8", "vae=int4"}


def test_figures_say_whose_they_are(model: LoadedModel, tmp_path: Path) -> None:
    for name, rows, draw in (
        ("throughput", measure_throughput(model, Throughput(batch_sizes=(2,), num_repeats=1),
                                          PROMPTS), draw_throughput),
        ("profile", measure_profile(model, Profile(num_repeats=1), PROMPTS), draw_profile),
        ("compile", measure_compile(model, Compile(arms=(), num_repeats=1), PROMPTS,
                                    lambda _: None), draw_compile),
    ):  # fmt: skip
        path = tmp_path / f"{name}.json"
        results = write_machine_results(path, name, "tiny", "random", rows)
        figure = draw(results)
        assert results.machine.name in figure.get_supxlabel()


def test_an_arm_that_is_not_finite_is_named(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise FloatingPointError("decoded image is not finite")

    monkeypatch.setattr("zimage_eval.model.autoencoder.decode_latents", fail)
    network = load_lpips(ROOT / "models" / "lpips-alexnet")
    with pytest.raises(ValueError, match=r"^full: 4 of 4 images are missing: Floating"):
        measure_quantization(model, ENTRY, PROMPTS, 2, lambda *_: None, network, lambda _: None)
