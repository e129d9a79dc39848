"""Speed beside diffusers' own loop, into metrics/bench.json.

`python -m tools.bench_engine full FOLDER` on a GPU, where FOLDER holds a full-size model
(`python -m tools.write_random_model FOLDER`), and `python -m tools.bench_engine nano` on two CPU
cores. Both sides of a ratio run in one process, there and back, after a warm-up of their own. Rows
that are not measured now stay as they are, with their date and machine.
"""

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import ZImagePipeline

from tools.bench_sides import (
    Job,
    alternate,
    batches_side,
    make_jobs,
    painter_side,
    pick_texts,
    plain_side,
    same_pixels,
    warm_up,
)
from zimage_eval.benchmarks.machine.teacher_forcing import (
    record_forwards,
    relative_errors,
    replay_forward,
)
from zimage_eval.benchmarks.machine.this_machine import describe_machine, describe_versions
from zimage_eval.benchmarks.machine.timing import timed
from zimage_eval.config.model_spec import DtypeSettings, Engine, load_model_spec
from zimage_eval.config.setting_groups import ImageSettings
from zimage_eval.config.settings import Settings
from zimage_eval.model.devices import pick_device
from zimage_eval.model.folder import padded_length
from zimage_eval.model.transformer import load_image_side
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling.painter import open_painter
from zimage_eval.text.encoder import load_text_side

RESULT: Final = Path("metrics/bench.json")
BFLOAT16: Final = DtypeSettings(text_encoder="bfloat16", transformer="bfloat16", vae="bfloat16")
NUM_IMAGES: Final = 32
"""In each block; a side has two blocks."""
GOALS: Final[dict[str, tuple[float, float, str]]] = {
    "images_on_disk": (1.85, 2.2, "images/s"),
    "images_on_disk_same_pixels": (1.15, 1.3, "images/s"),
    "denoiser_efficiency": (0.76, 0.85, "share of the matrix product's peak"),
    "decode": (2.0, 3.3, "images/s"),
    "teacher_forced_error": (1.05, 1.0, "relative error"),
    "nano_on_two_cores": (1.1, 1.5, "images/s"),
}
"""What must be and what is aimed at, of the ratio, and of the efficiency itself; unit."""


def forward_tflop(caption: int, image: int = 4096, dim: int = 3840) -> float:
    """TFLOP of one forward of the released transformer for one image; 56.58 at 128 tokens."""
    hidden = dim * 8 // 3
    weights = 4 * dim**2 + 3 * dim * hidden

    def block(length: int) -> int:
        return 2 * weights * length + 4 * length**2 * dim

    length = image + caption
    ends = 2 * 64 * dim * (image + length) + 2 * 2560 * dim * caption + 32 * 2 * 256 * 4 * dim
    return (30 * block(length) + 2 * block(image) + 2 * block(caption) + ends) / 1e12


def matmul_peak(device: torch.device, repeats: int = 20) -> float:
    """TFLOP/s of a bfloat16 matrix product of random numbers."""
    size = 8192 if device.type == "cuda" else 256
    left, right = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    for _ in range(3):
        left @ right
    _, seconds = timed(lambda: [left @ right for _ in range(repeats)], device)
    return 2 * size**3 * repeats / seconds / 1e12


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, lowest and highest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def row(name: str, ours: Sequence[float], theirs: Sequence[float], **more: object) -> dict:
    """A row of the table, judged by its goals.

    Args:
        name: of GOALS.
        ours: measured values.
        theirs: of what it is compared with.
        more: goes into the row as it is.
    """
    must, aim, unit = GOALS[name]
    ratio = statistics.median(ours) / statistics.median(theirs)
    better = "lower" if name == "teacher_forced_error" else "higher"
    judged = statistics.median(ours) if name == "denoiser_efficiency" else ratio
    sign = -1 if better == "lower" else 1
    met = "aim" if sign * judged >= sign * aim else "must" if sign * judged >= sign * must else "no"
    return {
        "ours": spread(ours),
        "theirs": spread(theirs),
        "ratio": ratio,
        "must": must,
        "aim": aim,
        "unit": unit,
        "better": better,
        "met": met,
        **more,
    }


def measure_full(
    folder: Path,
    prompts: Path,
    settings: Settings,
    num_images: int,
    report: Callable[[Mapping[str, Any]], object],
) -> None:
    """All rows of a full-size model; `report` is called with some rows after others."""
    device = pick_device()
    text_side = load_text_side(folder, BFLOAT16, device)
    texts = pick_texts(text_side, settings, prompts, num_images)
    jobs, encoding = timed(lambda: make_jobs(text_side, settings, texts), device)
    caption = padded_length(len(jobs[0].prompt_embeds))
    pipe = ZImagePipeline.from_pretrained(folder, dtype=torch.bfloat16).to(device)
    pipe.set_progress_bar_config(disable=True)
    with _painter(folder, 1, "eager") as eager, _painter(folder, 4, "compiled") as compiled:
        sides = [
            plain_side(pipe, settings),
            painter_side("compiled", compiled, settings),
            painter_side("eager", eager, settings),
        ]
        first = warm_up(sides, jobs[:4])
        equal = same_pixels(sides[0], sides[2], jobs[:4])
        peaks: list[float] = []
        rates = alternate(sides, jobs, lambda: peaks.append(matmul_peak(device)))
        more = {"matmul_peak_tflops": spread(peaks), "caption_tokens": caption}
        more |= {"first_batch_seconds": first, "encoding_seconds": encoding / len(jobs)}
        plain = rates["plain"]
        report({"images_on_disk": row("images_on_disk", rates["compiled"], plain, **more)})
        name = "images_on_disk_same_pixels"
        report({name: row(name, rates["eager"], plain, share_of_equal_pictures=equal)})
        del pipe, sides
        pipes = {"eager": eager.load_pipe(), "compiled": compiled.load_pipe()}
        report({"decode": measure_decode(pipes, settings)})
        report(measure_transformers(folder, jobs[:4], settings, pipes))


def _painter(folder: Path, batch_size: int, engine: Engine) -> Any:  # noqa: ANN401
    return open_painter(folder, BFLOAT16, batch_size, ImageStore(None), engine)


def measure_transformers(
    folder: Path, jobs: Sequence[Job], settings: Settings, pipes: Mapping[str, ZImagePipeline]
) -> dict:
    """Efficiency and teacher-forced error of both engines, on the forwards of one batch."""
    eager, embeds = pipes["eager"], [job.prompt_embeds for job in jobs]
    forwards = record_forwards(eager, embeds, [job.seed for job in jobs], settings)
    caption = padded_length(len(embeds[0]))
    work = forward_tflop(caption) * len(jobs) * len(forwards)
    shares: dict[str, list[float]] = {"eager": [], "compiled": []}
    seconds: dict[str, list[float]] = {"eager": [], "compiled": []}
    peaks = []
    for name in ("eager", "compiled", "compiled", "eager") * 2:
        _, taken = timed(partial(_replay_all, pipes[name], forwards), eager.device)
        peaks.append(matmul_peak(eager.device))
        shares[name].append(work / taken / peaks[-1])
        seconds[name].append(taken / len(jobs) / len(forwards))
    more: dict[str, Any] = {"matmul_peak_tflops": spread(peaks), "caption_tokens": caption}
    more["seconds_per_forward"] = {name: spread(values) for name, values in seconds.items()}
    name = "denoiser_efficiency"
    rows = {name: row(name, shares["compiled"], shares["eager"], **more)}
    wide = BFLOAT16.model_copy(update={"transformer": "float32"})
    reference = load_image_side(folder, wide, eager.device)
    errors: dict[str, list[float]] = {"eager": [], "compiled": []}
    for forward in forwards:
        right = replay_forward(reference.transformer, forward)
        for engine, pipe in pipes.items():
            errors[engine] += relative_errors(replay_forward(pipe.transformer, forward), right)
    ratios = [a / b for a, b in zip(errors["compiled"], errors["eager"], strict=True)]
    name = "teacher_forced_error"
    rows[name] = row(name, [max(errors["compiled"])], [max(errors["eager"])], ratios=spread(ratios))
    return rows


def _replay_all(pipe: ZImagePipeline, forwards: Sequence[Any]) -> None:
    for forward in forwards:
        replay_forward(pipe.transformer, forward)


@torch.no_grad()
def measure_decode(pipes: Mapping[str, ZImagePipeline], settings: Settings) -> dict:
    """Images a second of each decoder, one at a time, and the error of each against float32."""
    eager, size = pipes["eager"], settings.image
    rows, columns = size.height // eager.vae_scale_factor, size.width // eager.vae_scale_factor
    channels = eager.transformer.config.in_channels
    latents = torch.randn(1, channels, rows, columns).to(eager.device, torch.bfloat16)
    rates: dict[str, list[float]] = {"eager": [], "compiled": []}
    decoders = {
        name: partial(pipe.vae.decode, latents, return_dict=False) for name, pipe in pipes.items()
    }
    outputs = {name: decode()[0].float() for name, decode in decoders.items()}
    for name in ("eager", "compiled", "compiled", "eager") * 5:
        _, seconds = timed(decoders[name], eager.device)
        rates[name].append(1 / seconds)
    right = eager.vae.float().decode(latents.float(), return_dict=False)[0]
    eager.vae.bfloat16()
    errors = {name: relative_errors(output, right)[0] for name, output in outputs.items()}
    return row("decode", rates["compiled"], rates["eager"], relative_errors=errors)


def measure_nano(num_images: int) -> dict:
    """Nano's row: the painter beside ZImagePipeline with the same batches, on the CPU."""
    spec = load_model_spec(Path("models/nano.yaml"))
    folder, settings = Path("models/nano"), spec.defaults
    text_side = load_text_side(folder, spec.dtype, torch.device("cpu"))
    texts = pick_texts(text_side, settings, Path("prompts/scenes"), num_images)
    jobs = make_jobs(text_side, settings, texts)
    num_threads = torch.get_num_threads()
    pipe = ZImagePipeline.from_pretrained(folder)
    pipe.set_progress_bar_config(disable=True)
    batches = batches_side(pipe, settings, spec.batch_size, num_threads)
    store = ImageStore(None)
    with open_painter(folder, spec.dtype, spec.batch_size, store, spec.engine) as painter:
        ours = painter_side("painter", painter, settings)
        warm_up([batches, ours], jobs[: 2 * spec.batch_size])
        alone = batches_side(pipe, settings, spec.batch_size, 1)  # as in the painter's workers
        equal = same_pixels(alone, ours, jobs[: 2 * spec.batch_size])
        rates = alternate([batches, ours, ours, batches], jobs, lambda: None)
    return {
        "nano_on_two_cores": row(
            "nano_on_two_cores",
            rates["painter"],
            rates["pipeline"],
            share_of_equal_pictures=equal,
            num_threads=num_threads,
        )
    }


def write_rows(rows: Mapping[str, Any], path: Path) -> None:
    """Replace these rows; others stay."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    machine = {
        "date": time.strftime("%Y-%m-%d"),
        "versions": describe_versions(),
        **describe_machine().model_dump(),
    }
    named = {name: {**content, "machine": machine} for name, content in rows.items()}
    text = json.dumps(_rounded({**before, **named}), indent=2, sort_keys=True, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    for name, content in rows.items():
        print(name, f"{content['ratio']:.3f}", content["ours"], content["theirs"], content["met"])


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, float) and value:
        return round(value, 4 - math.floor(math.log10(abs(value))))
    return value


def main() -> None:
    """Read the arguments, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["full", "nano"])
    parser.add_argument("folder", type=Path, nargs="?", help="of a full-size model")
    parser.add_argument("--images", type=int, default=NUM_IMAGES, help="in each block")
    parser.add_argument("--size", type=int, default=1024, help="height and width")
    parser.add_argument("--prompts", type=Path, default=Path("prompts/natural"))
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    if arguments.what == "nano":
        write_rows(measure_nano(arguments.images), arguments.out)
        return
    settings = load_model_spec(Path("models/z-image-turbo.yaml")).defaults
    size = ImageSettings(height=arguments.size, width=arguments.size)
    measure_full(
        arguments.folder,
        arguments.prompts,
        settings.model_copy(update={"image": size}),
        arguments.images,
        partial(write_rows, path=arguments.out),
    )


if __name__ == "__main__":
    main()
