"""Seconds and bytes of a device whose work runs behind the program that asks for it."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple, TypeVar

import torch

from zimage_eval.model.memory import GIB

Result = TypeVar("Result")


class Span(NamedTuple):
    """What lies between two marks."""

    name: str
    seconds: float


class Timeline:
    """Marks along the work; the spans between them add up to the whole, whatever is marked.

    On a GPU marks are CUDA events, which cost no synchronization: the program runs ahead as it does
    unmeasured. On the CPU they are the clock's.
    """

    def __init__(self, device: torch.device) -> None:
        """Begin at the first mark, whose name is not read."""
        self._device = device
        self._marks: list[tuple[str, torch.cuda.Event | float]] = []

    def mark(self, name: str) -> None:
        """End a span of that name, which began at the mark before."""
        if self._device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self._marks.append((name, event))
        else:
            self._marks.append((name, time.perf_counter()))

    def spans(self) -> list[Span]:
        """All of them, in order."""
        synchronize(self._device)
        return [
            Span(name, _between(start, end)) for (_, start), (name, end) in pairwise(self._marks)
        ]


def timed(call: Callable[[], Result], device: torch.device) -> tuple[Result, float]:
    """What a call returns, and its seconds until the device has done all of it."""
    synchronize(device)
    start = time.perf_counter()
    result = call()
    synchronize(device)
    return result, time.perf_counter() - start


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak_memory(device: torch.device) -> None:
    """Let `peak_memory_gib` count from here."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory_gib(device: torch.device) -> float | None:
    """Most memory that tensors took at once; None on a CPU, where torch does not count it."""
    return torch.cuda.max_memory_allocated(device) / GIB if device.type == "cuda" else None


def _between(start: torch.cuda.Event | float, end: torch.cuda.Event | float) -> float:
    if isinstance(start, float) and isinstance(end, float):
        return end - start
    assert not isinstance(start, float) and not isinstance(end, float)
    return start.elapsed_time(end) / 1000
