"""Images a second by batch size, and whether an image depends on the batch it was made in."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from zimage_eval.benchmarks.machine.loaded_model import Job, LoadedModel, pick_jobs
from zimage_eval.benchmarks.machine.results import MachineValue
from zimage_eval.benchmarks.machine.timing import peak_memory_gib, reset_peak_memory, timed
from zimage_eval.config.benchmarks import Throughput
from zimage_eval.model.autoencoder import decode_latents
from zimage_eval.output.png import encode_png
from zimage_eval.prompts.sets import Prompt
from zimage_eval.sampling.denoising import Sample, initial_latents, sample_latents


class Made(NamedTuple):
    """Images that were made together, and what they took."""

    images: torch.Tensor
    """`(batch, 3, height, width)` uint8."""
    denoise_seconds: float
    other_seconds: float
    """Decoding, and compressing the files."""
    num_forwards: int
    """An image."""


def measure_throughput(
    model: LoadedModel, entry: Throughput, prompts: Sequence[Prompt]
) -> dict[str, dict[str, MachineValue]]:
    """A row a batch size: the same images each time, from noise to PNG file, text encoded before.

    `seconds_per_forward` and `seconds_beside_forwards` are of one image. Every image is compared
    with the one made alone: in how many of them no pixel differs, by how much any pixel does.
    """
    jobs = pick_jobs(model, prompts, max(entry.batch_sizes))
    make_images(model, jobs[:1])  # the first call is slower
    rows: dict[str, dict[str, MachineValue]] = {}
    alone: list[torch.Tensor] = []
    for size in sorted({1, *entry.batch_sizes}):
        try:
            made, peak = _repeat(model, jobs, size, entry.num_repeats)
        except torch.OutOfMemoryError:
            rows[f"batch={size}"] = {"error": "out of memory"}
            continue
        images = [image for batch in made[: -(-len(jobs) // size)] for image in batch.images]
        alone = alone or images
        rows[f"batch={size}"] = {
            "peak_memory_gib": peak,
            **_speed(made, entry.num_repeats * len(jobs)),
            **compare_twins(images, alone),
        }
    return rows


def make_images(model: LoadedModel, jobs: Sequence[Job]) -> Made:
    """One batch, from noise to files in memory."""

    def denoise() -> Sample:
        noise = initial_latents(model.pipe, [job.seed for job in jobs], model.defaults.image)
        captions = [job.prompt_embeds for job in jobs]
        negative = [model.encode([model.defaults.sampler.negative_prompt])[0]] * len(jobs)
        guided = model.defaults.sampler.guidance_scale > 0
        return sample_latents(
            model.pipe, captions, negative if guided else None, noise, model.defaults
        )

    def finish() -> torch.Tensor:
        images = decode_latents(model.pipe.vae, sample.latents)
        for image in images:
            encode_png(image, {})
        return images

    sample, denoise_seconds = timed(denoise, model.device)
    images, other_seconds = timed(finish, model.device)
    return Made(images, denoise_seconds, other_seconds, sample.num_forwards)


def compare_twins(
    images: Sequence[torch.Tensor], alone: Sequence[torch.Tensor]
) -> dict[str, float | None]:
    """How many images equal their twins, and how far the others are, in levels of 255."""
    differences = [
        (image.int() - twin.int()).abs() for image, twin in zip(images, alone, strict=True)
    ]
    largest = [int(difference.max()) for difference in differences]
    return {
        "num_images": len(largest),
        "num_equal_to_batch_1": largest.count(0),
        "max_difference_to_batch_1": max(largest),
        "mean_difference_to_batch_1": float(torch.stack(differences).double().mean()),
    }


def _repeat(
    model: LoadedModel, jobs: Sequence[Job], size: int, num_repeats: int
) -> tuple[list[Made], float | None]:
    reset_peak_memory(model.device)
    parts = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    made = [make_images(model, part) for _ in range(num_repeats) for part in parts]
    return made, peak_memory_gib(model.device)


def _speed(made: Sequence[Made], num_images: int) -> dict[str, float | None]:
    denoise = sum(batch.denoise_seconds for batch in made) / num_images
    other = sum(batch.other_seconds for batch in made) / num_images
    return {
        "images_per_second": 1 / (denoise + other),
        "seconds_per_image": denoise + other,
        "seconds_per_forward": denoise / made[0].num_forwards,
        "seconds_beside_forwards": other,
    }
