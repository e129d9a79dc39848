"""Time and memory of an asynchronous device."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple, TypeVar

import torch

from zimage_eval.model.memory import GIB

Result = TypeVar("Result")


class Span(NamedTuple):
    """The time between two marks."""

    name: str
    seconds: float


class Timeline:
    """Marks along a run; the spans between marks always add up to the whole run.

    On a GPU a mark is a CUDA event. Events need no synchronization, so the program still runs ahead
    of the GPU as it does without marks. On the CPU a mark is the time of `time.perf_counter`.
    """

    def __init__(self, device: torch.device) -> None:
        """A timeline without marks; it starts at its first mark, whose name is not used."""
        self._device = device
        self._marks: list[tuple[str, torch.cuda.Event | float]] = []

    def mark(self, name: str) -> None:
        """End the span `name`, which began at the mark before."""
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._marks.append((name, event))
        else:
            self._marks.append((name, time.perf_counter()))

    def spans(self) -> list[Span]:
        """All spans, in order."""
        synchronize(self._device)
        return [
            Span(name, _between(start, end)) for (_, start), (name, end) in pairwise(self._marks)
        ]


def timed(call: Callable[[], Result], device: torch.device) -> tuple[Result, float]:
    """The result of a call, and the seconds until the device has finished its work."""
    synchronize(device)
    start = time.perf_counter()
    result = call()
    synchronize(device)
    return result, time.perf_counter() - start


def synchronize(device: torch.device) -> None:
    """Wait until the device has finished all its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak_memory(device: torch.device) -> None:
    """Reset the peak that `peak_memory_gib` returns."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_gib(device: torch.device) -> float | None:
    """Peak memory of tensors in GiB; None on a CPU, where torch does not count it."""
    return torch.cuda.max_memory_allocated(device) / GIB if device.type == "cuda" else None


def _between(start: torch.cuda.Event | float, end: torch.cuda.Event | float) -> float:
    if isinstance(start, float) and isinstance(end, float):
        return end - start
    assert not isinstance(start, float) and not isinstance(end, float)
    return start.elapsed_time(end) / 1000
