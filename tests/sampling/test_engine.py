"""The compiled engine is equal up to rounding, and a GPU's turn is for one batch at a time."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pytest
import torch
from diffusers import ZImagePipeline

from tests.support.projects.default_settings import make_settings
from zimage_eval.benchmarks.machine.compile import why_not_compiled
from zimage_eval.benchmarks.machine.teacher_forcing import (
    Forward,
    record_forwards,
    relative_errors,
    replay_forward,
)
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.model.compiled import OneImageDecoder, compile_image_side, fuse_block
from zimage_eval.model.module_views import Remembered
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling import generation
from zimage_eval.sampling.batches import Batch
from zimage_eval.sampling.painter import load_engine, open_painter

CPU = torch.device("cpu")
FLOAT32 = DtypeSettings(text_encoder="float32", transformer="float32", vae="float32")
BFLOAT16 = DtypeSettings(text_encoder="float32", transformer="bfloat16", vae="bfloat16")
SETTINGS = make_settings(height=32, width=48, num_inference_steps=2)
LARGEST_ERROR = 1.05
"""Of the compiled engine, in errors of eager bfloat16 against float32: what "equal" means."""


@pytest.fixture(scope="module")
def reference(tiny_folder: Path) -> ZImagePipeline:
    return load_engine(tiny_folder, FLOAT32, CPU, "eager")


@pytest.fixture(scope="module")
def forwards(reference: ZImagePipeline) -> list[Forward]:
    return record_forwards(reference, captions(reference, 20, 31), [1, 2], SETTINGS)


@pytest.fixture
def compiler_reset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A compiler with an empty cache: what a killed run left in the shared one can be broken."""
    reason = why_not_compiled(CPU)
    if reason is not None:
        pytest.skip(reason)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "compiled"))
    yield
    torch._dynamo.reset()


def captions(pipe: ZImagePipeline, *lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    size = pipe.transformer.config.cap_feat_dim
    return [torch.randn(length, size, generator=generator) for length in lengths]


def test_fused_blocks_compute_the_same_from_the_same_weights(
    tiny_folder: Path, forwards: list[Forward]
) -> None:
    """Up to rounding; the captions of one of the batches differ in padded length."""
    for dtype, tolerance in ((FLOAT32, 1e-5), (BFLOAT16, 2e-2)):
        eager = load_engine(tiny_folder, dtype, CPU, "eager").transformer
        fused = load_engine(tiny_folder, dtype, CPU, "eager").transformer
        weights = {name: value.clone() for name, value in fused.state_dict().items()}
        for block in (*fused.noise_refiner, *fused.context_refiner, *fused.layers):
            fuse_block(block)
        mixed = forwards[0]._replace(
            captions=[forwards[0].captions[0], torch.cat(forwards[0].captions)]
        )
        for forward in (*forwards, mixed):
            velocities = replay_forward(fused, forward), replay_forward(eager, forward)
            assert max(relative_errors(*velocities)) < tolerance
        attention = fused.layers[0].attention
        assert attention.to_q.weight.data_ptr() == attention.to_qkv.weight.data_ptr()
        for name, value in fused.state_dict().items():
            if name in weights:
                assert torch.equal(value, weights[name]), name


def test_compiled_is_as_near_to_float32_as_eager(
    tiny_folder: Path,
    reference: ZImagePipeline,
    forwards: list[Forward],
    compiler_reset: None,
) -> None:
    eager = load_engine(tiny_folder, BFLOAT16, CPU, "eager")
    compiled = compile_image_side(load_engine(tiny_folder, BFLOAT16, CPU, "eager"))
    errors: dict[str, list[float]] = {"eager": [], "compiled": []}
    for forward in forwards:
        right = replay_forward(reference.transformer, forward)
        for name, pipe in (("eager", eager), ("compiled", compiled)):
            errors[name] += relative_errors(replay_forward(pipe.transformer, forward), right)
    assert 0 < max(errors["compiled"]) <= LARGEST_ERROR * max(errors["eager"])
    batch = Batch(captions(reference, 20, 31), None, [1, 2])
    sample = generation.denoise_batch(compiled, batch, SETTINGS)
    assert sample.num_forwards == 2 and sample.latents.isfinite().all()


def test_a_compiled_decoder_gets_one_image_at_a_time() -> None:
    decoder = torch.nn.Conv2d(4, 3, 3, padding=1)
    sizes: list[int] = []
    decoder.register_forward_pre_hook(lambda _, args: sizes.append(len(args[0])))
    latents = torch.randn(3, 4, 8, 6, generator=torch.Generator().manual_seed(0))
    right = decoder(latents)
    sizes.clear()
    compiled = OneImageDecoder(decoder)
    decoder._compiled_call_impl = None  # what is compiled can't be watched
    torch.testing.assert_close(compiled(latents), right)
    assert sizes == [1, 1, 1]


def test_on_a_cpu_every_model_runs_eagerly(tiny_folder: Path) -> None:
    with open_painter(tiny_folder, FLOAT32, 2, ImageStore(None), "compiled") as painter:
        assert painter.engine == "eager"
        assert painter.load_pipe().transformer.layers[0]._compiled_call_impl is None


def test_what_is_remembered_runs_once() -> None:
    inputs: list[torch.Tensor] = []

    class Doubled(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inputs.append(x)
            return 2 * x

    module = Remembered(Doubled())
    first = module(torch.ones(2))
    assert module(torch.zeros(2)) is first
    assert torch.equal(first, torch.full((2,), 2.0)) and len(inputs) == 1


def test_batches_take_turns_on_a_gpu_and_are_encoded_beside_it(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three batches with a lock as for a GPU: pictures come in the order asked for."""
    events: list[tuple[str, int]] = []
    denoise, decode, encode = (
        generation.denoise_batch,
        generation.decode_batch,
        generation.encode_png,
    )

    def slow_denoise(pipe: ZImagePipeline, batch: Batch, settings: object) -> object:
        events.append(("begin", batch.seeds[0]))
        return denoise(pipe, batch, SETTINGS)

    def told_decode(vae: torch.nn.Module, latents: torch.Tensor) -> torch.Tensor:
        pixels = decode(vae, latents)
        events.append(("end", 0))
        return pixels

    def slow_encode(*arguments: object) -> bytes:
        time.sleep(0.3)
        events.append(("file", 0))
        return encode(*arguments)  # type: ignore[arg-type]

    lock = Lock()
    monkeypatch.setattr(generation, "_turn_on", lambda _: lock)
    monkeypatch.setattr(generation, "denoise_batch", slow_denoise)
    monkeypatch.setattr(generation, "decode_batch", told_decode)
    monkeypatch.setattr(generation, "encode_png", slow_encode)
    with open_painter(tiny_folder, FLOAT32, 1, ImageStore(None)) as painter:
        pipe = painter.load_pipe()
        batches = [Batch(captions(pipe, 5), None, [seed]) for seed in range(3)]
        with ThreadPoolExecutor(3) as workers:
            drawn = list(workers.map(lambda batch: painter.draw(batch, SETTINGS), batches))
        alone = [painter.draw(batch, SETTINGS) for batch in batches]
    assert drawn == alone
    turns = [name for name, _ in events[:9] if name != "file"]
    assert turns == ["begin", "end"] * 3
    assert [name for name, _ in events[:9]].index("file") < 8, "encoded while another is drawn"
