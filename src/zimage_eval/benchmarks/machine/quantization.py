"""What weights of 8 and 4 bits change: embeddings, velocities, pictures, task score, memory.

Weights are rounded to nearest, symmetric, with no calibration data: with 8 bits one scale for all
weights of an output, with 4 bits one for every `group_size` of them. This is what torchao's
`IntxWeightOnlyConfig` does, bit for bit in float32. A layer that computes with integers of its own
gives what one with these weights gives, but for rounding: so this is their quality, on any machine,
and not their speed.

Changes lie between two bounds: the floor is what another number format and another batch change,
which nobody would call a loss; the ceiling is another seed.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from zimage_eval.benchmarks.machine.loaded_model import PARTS, LoadedModel, MachineJob
from zimage_eval.benchmarks.machine.teacher_forcing import (
    Forward,
    record_forwards,
    relative_errors,
    replay_forward,
)
from zimage_eval.config.benchmarks import Part, Quantization
from zimage_eval.metrics.alignment import alignment
from zimage_eval.metrics.image import psnr
from zimage_eval.metrics.judges.judges import Judge, Picture
from zimage_eval.metrics.lpips import lpips_distances
from zimage_eval.model.memory import GIB
from zimage_eval.model.module_views import AnyModule
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.sets import Prompt, equal_shares, prompt_seeds
from zimage_eval.sampling.batches import PaintRequest, compose_batches, divide_request
from zimage_eval.sampling.generation import count_missing, decode_batch, denoise_batch

if TYPE_CHECKING:
    import lpips

NumBits = Literal[8, 4]
FULL, FLOOR_BATCH, CEILING = "full", "floor: batches of 1", "ceiling: other seeds"
"""Rows beside the arms; `floor_dtype` names one more."""


class QuantizationArm(NamedTuple):
    """A model that is compared with the unchanged one."""

    name: str
    model: LoadedModel
    num_bytes: int
    """Of all its weights, 4-bit ones packed."""
    batch_size: int
    seed_offset: int
    """Added to every seed."""
    changed: tuple[Part, ...]
    """Parts that are not the unchanged model's; nothing is computed again that has none of them."""


class ArmResults(NamedTuple):
    """What an arm made of every job, in the order of the jobs."""

    captions: list[torch.Tensor]
    """After the RMSNorm that `cap_embedder` begins with, on the CPU."""
    velocity_errors: list[list[float]]
    """Of each step, on the unchanged model's latents; empty where no part could change them."""
    latents: list[torch.Tensor]
    images: list[np.ndarray]
    """`(height, width, 3)` uint8."""


class BaselineForwards(NamedTuple):
    """What the unchanged model was asked at every step, and what it said."""

    batches: list[list[int]]
    """Indices of jobs."""
    forwards: list[list[Forward]]
    """By batch, then by step."""
    velocities: list[list[torch.Tensor]]


class QuantizationResults(NamedTuple):
    """All that was found."""

    rows: dict[str, dict[str, float | None]]
    """By arm; means over images."""
    observations: list[Measurement]
    """By image."""


def measure_quantization(
    model: LoadedModel,
    entry: Quantization,
    prompts: Sequence[Prompt],
    batch_size: int,
    judge: Judge,
    network: "lpips.LPIPS",
    report: Callable[[dict[str, dict[str, float | None]]], object],
) -> QuantizationResults:
    """A row an arm, of the same prompts and seeds.

    Args:
        model: stays as it is.
        entry: which arms, and on how many prompts.
        prompts: the model's prompt set.
        batch_size: images that are denoised together; one floor makes them alone.
        judge: looks at every picture.
        network: `lpips_trunks.load_lpips(...)` on the model's device.
        report: told all rows after each.

    Raises:
        ValueError: pictures can't be made or are not finite; says of which arm, and how many.
    """
    jobs = _jobs(model, prompts, entry)
    batches = compose_batches([len(job.prompt_embeds) for job in jobs], batch_size)
    forwards = [
        record_forwards(
            model.pipe,
            [jobs[index].prompt_embeds for index in batch],
            [jobs[index].seed for index in batch],
            model.defaults,
        )
        for batch in batches
    ]
    velocities = [
        [replay_forward(model.pipe.transformer, forward) for forward in batch] for batch in forwards
    ]
    baseline = BaselineForwards(batches, forwards, velocities)
    results = QuantizationResults({}, [])
    full: ArmResults | None = None
    for arm in _arms(model, entry, batch_size):
        with count_missing(arm.name, len(jobs)) as count:
            drawn = _draw(arm, jobs, baseline, full, count)
        full = full or drawn
        measurements = _observe(arm, jobs, drawn, full, judge, network)
        results.observations.extend(measurements)
        results.rows[arm.name] = _summary(measurements, arm)
        report(results.rows)
    return results


def quantized_copy(module: AnyModule, num_bits: NumBits, group_size: int) -> AnyModule:
    """A copy whose linear layers and convolutions have rounded weights; nothing else changes."""
    changed = copy.deepcopy(module)
    for layer in changed.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.weight.data = round_weights(layer.weight.data, num_bits, group_size)
    return changed


def round_weights(weights: torch.Tensor, num_bits: NumBits, group_size: int) -> torch.Tensor:
    """`(outputs, ...)` of any float type, each value at the nearest one that its scale can say.

    The last group of an output is a smaller one where `group_size` does not divide its weights.
    """
    rows = weights.flatten(1).float()
    num_inputs = rows.shape[1]
    if num_bits == 4:
        rows = nn.functional.pad(rows, (0, -num_inputs % group_size))
        groups = rows.reshape(-1, group_size)
    else:
        groups = rows
    lowest, highest = -(2 ** (num_bits - 1)), 2 ** (num_bits - 1) - 1
    largest = groups.abs().amax(dim=1, keepdim=True)
    scales = (largest / ((highest - lowest) / 2)).clamp_min(torch.finfo(torch.float32).eps)
    integers = (groups * (1.0 / scales)).round().clamp(lowest, highest)
    values = (integers * scales).reshape(len(weights), -1)[:, :num_inputs]
    return values.reshape(weights.shape).to(weights.dtype)


def packed_bytes(module: nn.Module, num_bits: NumBits | None, group_size: int) -> int:
    """Bytes of a module's weights with so many bits; None counts them as they are.

    Integers are packed, and each group has a scale of the weights' own dtype.
    """
    total = sum(value.numel() * value.element_size() for value in module.parameters())
    for layer in module.modules() if num_bits is not None else ():
        assert num_bits is not None
        if isinstance(layer, nn.Linear | nn.Conv2d):
            weight = layer.weight
            groups_of_output = 1 if num_bits == 8 else -(-weight[0].numel() // group_size)
            num_scales = len(weight) * groups_of_output
            total -= (weight.numel() - num_scales) * weight.element_size()
            total += weight.numel() * num_bits // 8
    return total


def caption_cosines(captions: torch.Tensor, others: torch.Tensor) -> list[float]:
    """Cosine of each token's vector `(num_tokens, hidden_size)` with its twin."""
    return nn.functional.cosine_similarity(captions.double(), others.double(), dim=-1).tolist()


def floor_dtype(model: LoadedModel) -> str:
    """The number format that the floor runs the transformer in: the other one."""
    return "bfloat16" if model.dtype.transformer == "float32" else "float32"


def _jobs(model: LoadedModel, prompts: Sequence[Prompt], entry: Quantization) -> list[MachineJob]:
    chosen = equal_shares(prompts, entry.num_prompts)
    embeds = model.encode([prompt.text for prompt in chosen])
    return [
        MachineJob(prompt, seed, embed)
        for prompt, embed in zip(chosen, embeds, strict=True)
        for seed in prompt_seeds(prompt.id, entry.num_seeds)
    ]


def _arms(model: LoadedModel, entry: Quantization, batch_size: int) -> Iterator[QuantizationArm]:
    """One after the other: each is a copy, and a machine holds few."""
    whole = _bytes(model, (), None, entry.group_size)
    yield QuantizationArm(FULL, model, whole, batch_size, 0, ())
    yield QuantizationArm(FLOOR_BATCH, model, whole, 1, 0, ())
    other = copy.deepcopy(model.pipe.transformer)
    nn.Module.to(other, getattr(torch, floor_dtype(model)))  # its own `to` warns of nothing here
    floor = model.with_parts({"transformer": other})
    name = f"floor: transformer in {floor_dtype(model)}"
    yield QuantizationArm(name, floor, whole, batch_size, 0, ("transformer",))
    del other, floor
    yield QuantizationArm(CEILING, model, whole, batch_size, 1, ())
    for part in entry.parts:
        for num_bits in entry.num_bits:
            names: tuple[Part, ...] = PARTS if part == "all" else (part,)
            changed = {
                name: quantized_copy(model.part(name), num_bits, entry.group_size) for name in names
            }
            num_bytes = _bytes(model, names, num_bits, entry.group_size)
            rounded = model.with_parts(changed)
            yield QuantizationArm(f"{part}=int{num_bits}", rounded, num_bytes, batch_size, 0, names)
            del changed, rounded


def _bytes(
    model: LoadedModel, changed: Sequence[Part], num_bits: NumBits | None, group_size: int
) -> int:
    return sum(
        packed_bytes(model.part(name), num_bits if name in changed else None, group_size)
        for name in PARTS
    )


def _draw(
    arm: QuantizationArm,
    jobs: Sequence[MachineJob],
    baseline: BaselineForwards,
    full: ArmResults | None,
    count: Callable[[int], None],
) -> ArmResults:
    """All images of an arm; `full` are the unchanged model's, None before there are any."""
    embeds = [job.prompt_embeds for job in jobs]
    if "text_encoder" in arm.changed:
        texts = list(dict.fromkeys(job.prompt.text for job in jobs))
        embeds_of = dict(zip(texts, arm.model.encode(texts), strict=True))
        embeds = [embeds_of[job.prompt.text] for job in jobs]
    pipe, defaults = arm.model.pipe, arm.model.defaults
    seeds = [job.seed + arm.seed_offset for job in jobs]
    negative = arm.model.negative_prompt_embeds()
    request = PaintRequest(defaults, embeds, seeds, negative, None)
    latents: dict[int, torch.Tensor] = {}
    images: dict[int, np.ndarray] = {}
    for places, batch in divide_request(request, arm.batch_size):
        if isinstance(batch, str):
            raise ValueError(f"not available: {batch}")
        if full is not None and arm.changed == ("vae",):
            denoised = torch.stack([full.latents[place] for place in places])
        else:
            denoised = denoise_batch(pipe, batch, defaults).latents
        pictures = decode_batch(pipe.vae, denoised).permute(0, 2, 3, 1).numpy()
        latents |= zip(places, denoised.float().cpu(), strict=True)
        images |= zip(places, pictures, strict=True)
        count(len(places))
    order = range(len(jobs))
    norm, dtype = pipe.transformer.cap_embedder[0], pipe.transformer.dtype
    return ArmResults(
        [_normed(norm, entry.to(arm.model.device, dtype)) for entry in embeds],
        _velocity_errors(arm, embeds, baseline),
        [latents[index] for index in order],
        [images[index] for index in order],
    )


def _velocity_errors(
    arm: QuantizationArm, embeds: Sequence[torch.Tensor], baseline: BaselineForwards
) -> list[list[float]]:
    """Of each job and step."""
    errors: list[list[float]] = [[] for _ in embeds]
    if set(arm.changed) <= {"vae"}:
        return errors
    for batch, forwards, velocities in zip(*baseline, strict=True):
        captions = [embeds[index].to(arm.model.device) for index in batch]
        for forward, velocity in zip(forwards, velocities, strict=True):
            values = replay_forward(arm.model.pipe.transformer, forward._replace(captions=captions))
            for index, error in zip(batch, relative_errors(values, velocity), strict=True):
                errors[index].append(error)
    return errors


@torch.no_grad()
def _normed(norm: nn.Module, embeds: torch.Tensor) -> torch.Tensor:
    return norm(embeds).float().cpu()


def _observe(
    arm: QuantizationArm,
    jobs: Sequence[MachineJob],
    drawn: ArmResults,
    full: ArmResults,
    judge: Judge,
    network: "lpips.LPIPS",
) -> list[Measurement]:
    """Every metric of every image against the unchanged model's, in the order of the jobs."""
    measurements = []
    for index, job in enumerate(jobs):
        cosines = caption_cosines(drawn.captions[index], full.captions[index])
        image, twin = drawn.images[index], full.images[index]
        errors = drawn.velocity_errors[index]
        facts = judge(Picture(image, ""), job.prompt.facts)
        values = {
            "embedding_cosine_mean": float(np.mean(cosines)),
            "embedding_cosine_lowest": min(cosines),
            "velocity_error": float(np.mean(errors)) if errors else None,
            "velocity_error_highest": max(errors, default=None),
            "latent_error": relative_errors(drawn.latents[index][None], full.latents[index][None])[
                0
            ],
            "lpips": lpips_distances([image], [twin], network)[0],
            "psnr": psnr(image, twin),
            "identical": float(np.array_equal(image, twin)),
            "alignment": None if facts is None else alignment(facts),
        }
        replicate = sum(earlier.prompt.id == job.prompt.id for earlier in jobs[:index])
        measurements += [
            Measurement(arm.name, job.prompt.id, replicate, job.prompt.category, metric, value)
            for metric, value in values.items()
        ]
    return measurements


def _summary(observations: Sequence[Measurement], arm: QuantizationArm) -> dict[str, float | None]:
    """Means over images; of a highest or lowest value, the highest or lowest."""
    row: dict[str, float | None] = {"weights_gib": arm.num_bytes / GIB}
    for metric in dict.fromkeys(entry.metric for entry in observations):
        values = [
            entry.value
            for entry in observations
            if entry.metric == metric and entry.value is not None
        ]
        fold: Callable[[list[float]], float] = lambda numbers: float(np.mean(numbers))  # noqa: E731
        if metric.endswith("_highest"):
            fold = max
        elif metric.endswith("_lowest"):
            fold = min
        row[metric] = fold(values) if values else None
    return row
