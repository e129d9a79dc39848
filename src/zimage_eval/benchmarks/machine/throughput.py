"""Images per second by batch size, and whether an image depends on the batch it was drawn in."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from zimage_eval.benchmarks.machine.loaded_model import LoadedModel, MachineJob, pick_jobs
from zimage_eval.benchmarks.machine.results import MachineValue
from zimage_eval.benchmarks.machine.timing import peak_memory_gib, reset_peak_memory, timed
from zimage_eval.config.benchmarks import Throughput
from zimage_eval.model.autoencoder import decode_latents
from zimage_eval.output.png import encode_png
from zimage_eval.prompts.sets import Prompt
from zimage_eval.sampling.denoising import Sample, initial_latents, sample_latents


class DrawnBatch(NamedTuple):
    """Images that were drawn in one batch, with their seconds."""

    images: torch.Tensor
    """`(batch, 3, height, width)` uint8."""
    denoise_seconds: float
    other_seconds: float
    """Seconds of decoding and of compressing the files."""
    num_forwards: int
    """Transformer evaluations of one image."""


def measure_throughput(
    model: LoadedModel, entry: Throughput, prompts: Sequence[Prompt]
) -> dict[str, dict[str, MachineValue]]:
    """A row per batch size. The images are the same for each size; text is encoded beforehand.

    Seconds are from noise to PNG file; `seconds_per_forward` and `seconds_beside_forwards` are of
    one image. Every image is compared with the same image drawn alone: how many are equal in every
    pixel, and how far pixels differ.
    """
    jobs = pick_jobs(model, prompts, max(entry.batch_sizes))
    make_images(model, jobs[:1])  # warm-up, because the first call is slower
    rows: dict[str, dict[str, MachineValue]] = {}
    alone: list[torch.Tensor] = []
    for size in sorted({1, *entry.batch_sizes}):
        try:
            batches, peak = _repeat(model, jobs, size, entry.num_repeats)
        except torch.OutOfMemoryError:
            rows[f"batch={size}"] = {"error": "out of memory"}
            continue
        images = [image for batch in batches[: -(-len(jobs) // size)] for image in batch.images]
        alone = alone or images
        rows[f"batch={size}"] = {
            "peak_memory_gib": peak,
            **_speed(batches, entry.num_repeats * len(jobs)),
            **compare_twins(images, alone),
        }
    return rows


def make_images(model: LoadedModel, jobs: Sequence[MachineJob]) -> DrawnBatch:
    """Draw one batch, from noise to files in memory."""

    def denoise() -> Sample:
        noise = initial_latents(model.pipe, [job.seed for job in jobs], model.defaults.image)
        captions = [job.prompt_embeds for job in jobs]
        negative = model.negative_prompt_embeds()
        negatives = None if negative is None else [negative] * len(jobs)
        return sample_latents(model.pipe, captions, negatives, noise, model.defaults)

    def finish() -> torch.Tensor:
        images = decode_latents(model.pipe.vae, sample.latents)
        for image in images:
            encode_png(image, {})
        return images

    sample, denoise_seconds = timed(denoise, model.device)
    images, other_seconds = timed(finish, model.device)
    return DrawnBatch(images, denoise_seconds, other_seconds, sample.num_forwards)


def compare_twins(
    images: Sequence[torch.Tensor], alone: Sequence[torch.Tensor]
) -> dict[str, float | None]:
    """How many images equal their twins, and how far the rest differs, in levels of 255."""
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
    model: LoadedModel, jobs: Sequence[MachineJob], size: int, num_repeats: int
) -> tuple[list[DrawnBatch], float | None]:
    reset_peak_memory(model.device)
    parts = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    batches = [make_images(model, part) for _ in range(num_repeats) for part in parts]
    return batches, peak_memory_gib(model.device)


def _speed(batches: Sequence[DrawnBatch], num_images: int) -> dict[str, float | None]:
    denoise = sum(batch.denoise_seconds for batch in batches) / num_images
    finish = sum(batch.other_seconds for batch in batches) / num_images
    return {
        "images_per_second": 1 / (denoise + finish),
        "seconds_per_image": denoise + finish,
        "seconds_per_forward": denoise / batches[0].num_forwards,
        "seconds_beside_forwards": finish,
    }
