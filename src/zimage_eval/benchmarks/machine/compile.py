"""What torch.compile costs at first, gains from then on, and changes."""

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
    """A row an arm: seconds of the first forward and of later ones, and their error.

    The forwards are those of one image, asked again of each arm (`teacher_forcing`). Errors are
    against the uncompiled transformer, and the floor beneath them is what a batch of two changes.

    Args:
        model: its transformer is compiled in place and ends uncompiled.
        entry: the arms.
        prompts: the first one is used.
        report: told all rows after each, because an arm can take minutes.
    """
    transformer = model.pipe.transformer
    [job] = pick_jobs(model, prompts, 1)
    forwards = record_forwards(model.pipe, [job.prompt_embeds], [job.seed], model.defaults)
    velocities = [replay_forward(transformer, forward) for forward in forwards]
    doubled = [replay_forward(transformer, double(forward))[:1] for forward in forwards]
    num_forwards = len(forwards) * (2 if model.defaults.sampler.guidance_scale > 0 else 1)
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
            rows[arm] = {"num_forwards": num_forwards, **row, **gains(off, row, num_forwards)}
        except Exception as error:  # a compiler fails in ways of its own, which are a result
            rows[arm] = {"error": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
        finally:
            uncompile(transformer)
        report(rows)
    return rows


def why_not_compiled(device: torch.device) -> str | None:
    """What a machine lacks for torch.compile; None if it lacks nothing."""
    names = (os.environ["CXX"],) if os.environ.get("CXX") else COMPILERS
    if any(shutil.which(name) for name in names):
        return None
    return f"no C++ compiler ({', '.join(names)}), which torch.compile needs for a {device.type}"


def compile_transformer(transformer: ZImageTransformer2DModel, arm: CompileArm) -> None:
    """Have it compiled when it is called first; `uncompile` undoes it."""
    region, _, mode = arm.partition(" ")
    if region == "regional":
        transformer.compile_repeated_blocks(fullgraph=True, mode=mode or None)
    else:
        transformer.compile(mode=mode or None)


def uncompile(transformer: ZImageTransformer2DModel) -> None:
    """Let every module run as it is written again."""
    for module in transformer.modules():
        module._compiled_call_impl = None
    torch._dynamo.reset()


def double(forward: Forward) -> Forward:
    """The same question twice in one batch."""
    return Forward(
        forward.latents * 2, torch.cat([forward.timesteps, forward.timesteps]), forward.captions * 2
    )


def gains(
    off: dict[str, MachineValue], row: dict[str, MachineValue], num_forwards: int
) -> dict[str, MachineValue]:
    """How many times faster an arm is, and after how many images it has paid for its first call.

    Args:
        off: the row of the uncompiled transformer.
        row: the arm's.
        num_forwards: of an image.

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
    found = [
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
        "worst_velocity_error": _worst(found, velocities),
        "peak_memory_gib": peak_memory_gib(model.device),
    }


def _worst(found: Sequence[torch.Tensor], velocities: Sequence[torch.Tensor]) -> float:
    return max(
        error
        for values, references in zip(found, velocities, strict=True)
        for error in relative_errors(values, references)
    )
