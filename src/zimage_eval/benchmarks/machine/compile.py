"""What torch.compile costs in the first call, gains in later calls, and changes in the result."""

import math
import os
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import torch
from diffusers import ZImageTransformer2DModel

from zimage_eval.benchmarks.machine.loaded_model import LoadedModel, pick_jobs
from zimage_eval.benchmarks.machine.results import MachineValue
from zimage_eval.benchmarks.machine.teacher_forcing import (
    Forward,
    record_forwards,
    relative_errors,
    replay_forward,
)
from zimage_eval.benchmarks.machine.timing import peak_memory_gib, reset_peak_memory, timed
from zimage_eval.config.benchmarks import Compile, CompileArm
from zimage_eval.prompts.sets import Prompt

COMPILERS: Final = ("g++", "clang++", "c++")


def measure_compile(
    model: LoadedModel,
    entry: Compile,
    prompts: Sequence[Prompt],
    report: Callable[[dict[str, dict[str, MachineValue]]], object],
) -> dict[str, dict[str, MachineValue]]:
    """A row per arm: seconds of the first forward and of later forwards, and their error.

    The forwards are those of one image, repeated in each arm (`teacher_forcing`). Errors are
    measured against the uncompiled transformer. Their floor is the change by a batch of two.

    Args:
        model: its transformer is compiled in place and is uncompiled at the end.
        entry: the arms, and the number of repeats.
        prompts: only the first one is used.
        report: called with all rows after each arm, because an arm can take minutes.
    """
    transformer = model.pipe.transformer
    [job] = pick_jobs(model, prompts, 1)
    forwards = record_forwards(model.pipe, [job.prompt_embeds], [job.seed], model.defaults)
    velocities = [replay_forward(transformer, forward) for forward in forwards]
    doubled = [replay_forward(transformer, double_batch(forward))[:1] for forward in forwards]
    num_forwards = model.defaults.sampler.forwards_per_image
    off: dict[str, MachineValue] = {"num_forwards": num_forwards}
    off |= _measure(model, forwards, velocities, entry.num_repeats)
    rows = {"off": {**off, "floor_error_of_batch_2": _worst(doubled, velocities)}}
    report(rows)
    reason = why_not_compiled(model.device)
    for arm in entry.arms:
        if reason is not None:
            rows[arm] = {"not_testable_here": reason}
            continue
        torch._dynamo.reset()
        compile_transformer(transformer, arm)
        try:
            row = _measure(model, forwards, velocities, entry.num_repeats)
            rows[arm] = {
                "num_forwards": num_forwards,
                **row,
                **compile_gains(off, row, num_forwards),
            }
        except Exception as error:  # a compiler can fail in many ways; the failure is a result
            rows[arm] = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        finally:
            uncompile(transformer)
        report(rows)
    return rows


def why_not_compiled(device: torch.device) -> str | None:
    """What the machine lacks for torch.compile; None if it lacks nothing."""
    names = (os.environ["CXX"],) if os.environ.get("CXX") else COMPILERS
    if any(shutil.which(name) for name in names):
        return None
    return f"no C++ compiler ({', '.join(names)}), which torch.compile needs for a {device.type}"


def compile_transformer(transformer: ZImageTransformer2DModel, arm: CompileArm) -> None:
    """Compile the transformer at its next call; `uncompile` undoes this."""
    region, _, mode = arm.partition(" ")
    if region == "regional":
        transformer.compile_repeated_blocks(fullgraph=True, mode=mode or None)
    else:
        transformer.compile(mode=mode or None)


def uncompile(transformer: ZImageTransformer2DModel) -> None:
    """Undo `compile_transformer`."""
    for module in transformer.modules():
        module._compiled_call_impl = None
    torch._dynamo.reset()


def double_batch(forward: Forward) -> Forward:
    """The same forward twice in one batch."""
    return Forward(
        forward.latents * 2, torch.cat([forward.timesteps, forward.timesteps]), forward.captions * 2
    )


def compile_gains(
    off: dict[str, MachineValue], row: dict[str, MachineValue], num_forwards: int
) -> dict[str, MachineValue]:
    """How many times faster an arm is, and after how many images its first call has paid off.

    Args:
        off: the row of the uncompiled transformer.
        row: the row of the arm.
        num_forwards: transformer evaluations of an image.

    Returns:
        `break_even_images` is None for an arm that is no faster.
    """
    eager, steady, first = (
        off["seconds_per_forward"],
        row["seconds_per_forward"],
        row["first_call_seconds"],
    )
    assert isinstance(eager, float) and isinstance(steady, float) and isinstance(first, float)
    gain = (eager - steady) * num_forwards
    return {
        "times_as_fast": eager / steady,
        "break_even_images": math.ceil((first - steady) / gain) if gain > 0 else None,
    }


def _measure(
    model: LoadedModel,
    forwards: Sequence[Forward],
    velocities: Sequence[torch.Tensor],
    num_repeats: int,
) -> dict[str, MachineValue]:
    transformer = model.pipe.transformer
    reset_peak_memory(model.device)
    _, first = timed(partial(replay_forward, transformer, forwards[0]), model.device)
    outputs = [
        replay_forward(transformer, forward) for forward in forwards
    ]  # a second shape may compile again
    seconds = sorted(
        timed(partial(replay_forward, transformer, forwards[number % len(forwards)]), model.device)[
            1
        ]
        for number in range(num_repeats)
    )
    return {
        "first_call_seconds": first,
        "seconds_per_forward": seconds[len(seconds) // 2],
        "lowest_seconds": seconds[0],
        "highest_seconds": seconds[-1],
        "worst_velocity_error": _worst(outputs, velocities),
        "peak_memory_gib": peak_memory_gib(model.device),
    }


def _worst(outputs: Sequence[torch.Tensor], velocities: Sequence[torch.Tensor]) -> float:
    return max(
        error
        for values, references in zip(outputs, velocities, strict=True)
        for error in relative_errors(values, references)
    )
