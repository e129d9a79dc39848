"""Speed and memory of torchao's integer weights, which need a GPU."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from zimage_eval.benchmarks.machine.loaded_model import PARTS, LoadedModel, MachineJob, pick_jobs
from zimage_eval.benchmarks.machine.quantization import NumBits, packed_bytes
from zimage_eval.benchmarks.machine.results import MachineValue
from zimage_eval.benchmarks.machine.teacher_forcing import (
    Forward,
    record_forwards,
    relative_errors,
    replay_forward,
)
from zimage_eval.benchmarks.machine.timing import timed
from zimage_eval.config.benchmarks import Part, Quantization
from zimage_eval.model.memory import GIB
from zimage_eval.prompts.sets import Prompt

NUM_REPEATS = 8


def measure_kernels(
    model: LoadedModel,
    entry: Quantization,
    prompts: Sequence[Prompt],
    report: Callable[[dict[str, dict[str, MachineValue]]], object],
) -> dict[str, dict[str, MachineValue]]:
    """A row per part and number of bits: memory of its weights, seconds per call, velocity error.

    A call encodes one text, or is one uncompiled forward of the transformer for one image. The
    autoencoder consists of convolutions, for which torchao has no integer weights.
    """
    reason = why_no_kernels(model.device)
    [job] = pick_jobs(model, prompts, 1)
    forward = record_forwards(model.pipe, [job.prompt_embeds], [job.seed], model.defaults)[-1]
    velocity = replay_forward(model.pipe.transformer, forward)
    rows: dict[str, dict[str, MachineValue]] = {}
    for part in PARTS:
        module = model.part(part)
        for num_bits in (None, *entry.num_bits):
            packed = packed_bytes(module, num_bits, entry.group_size)
            row: dict[str, MachineValue] = {"packed_gib": packed / GIB}
            if part == "vae" or reason is not None:
                row["not_testable_here"] = reason or "torchao has no integer convolutions"
            else:
                row |= _measure(model, part, num_bits, entry.group_size, job, forward, velocity)
            rows[part if num_bits is None else f"{part}=int{num_bits}"] = row
            report(rows)
    return rows


def _measure(
    model: LoadedModel,
    part: Part,
    num_bits: NumBits | None,
    group_size: int,
    job: MachineJob,
    forward: Forward,
    velocity: torch.Tensor,
) -> dict[str, MachineValue]:
    before = torch.cuda.memory_allocated(model.device)
    try:
        changed = copy.deepcopy(model.part(part))
        if num_bits is not None:
            use_kernels(changed, num_bits, group_size)
        held = torch.cuda.memory_allocated(model.device) - before
        if part == "text_encoder":
            changed_model = model._replace(text_encoder=changed)
            call: Callable[[], Any] = partial(changed_model.encode, [job.prompt.text])
        else:
            call = partial(replay_forward, changed, forward)
        output = call()
        seconds = sorted(timed(call, model.device)[1] for _ in range(NUM_REPEATS))
    except Exception as error:  # kernels depend on the GPU; a failure is a result
        return {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
    error_of = relative_errors(output, velocity)[0] if part == "transformer" else None
    return {
        "held_gib": held / GIB,
        "seconds_per_call": seconds[len(seconds) // 2],
        "velocity_error": error_of,
    }


def why_no_kernels(device: torch.device) -> str | None:
    """What the machine lacks for torchao's kernels; None if it lacks nothing."""
    if device.type != "cuda":
        return f"no GPU, and torchao's 4-bit kernel has no form for a {device.type}"
    return None if find_spec("torchao") else "torchao is not installed"


def use_kernels(module: nn.Module, num_bits: NumBits, group_size: int) -> None:
    """Convert the linear layers of a bfloat16 module to integer weights, in place."""
    from torchao.quantization import quantize_

    def is_convertible(layer: nn.Module, _: str) -> bool:
        if not isinstance(layer, nn.Linear):
            return False
        # The 4-bit kernel takes whole tiles.
        return num_bits == 8 or not (layer.in_features % 1024 or layer.out_features % 8)

    quantize_(module, _recipe(num_bits, group_size), filter_fn=is_convertible)


def _recipe(num_bits: NumBits, group_size: int) -> Any:  # noqa: ANN401 - torchao is untyped
    from torchao.quantization import Int4WeightOnlyConfig, Int8WeightOnlyConfig

    if num_bits == 8:
        return Int8WeightOnlyConfig()
    return Int4WeightOnlyConfig(group_size=group_size, int4_packing_format="tile_packed_to_4d")
