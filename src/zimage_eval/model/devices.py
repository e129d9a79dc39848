"""The device to compute on, worker threads, and loading something once for all threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TypeVar

import torch

Loaded = TypeVar("Loaded")


def pick_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def device_class(device: torch.device) -> str:
    """The name of the GPU, or the CPU's instruction set: another one can change last bits."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {torch.backends.cpu.get_cpu_capability()}"


def start_workers(device: torch.device, num_on_gpu: int = 1) -> ThreadPoolExecutor:
    """Threads that work on batches in parallel: one for a GPU, one for each core on the CPU.

    With `num_on_gpu` above 1, what they run sees to it that only one uses the GPU at a time.

    On the CPU each worker computes in a single thread, and so does the caller from now on. The last
    bits are then independent of the number of cores. Where other processes share the cores, this is
    also many times faster than torch's own threads, which spin while they wait. OMP_NUM_THREADS
    limits the number of workers as it limits torch's threads.
    """
    if device.type != "cpu":
        return ThreadPoolExecutor(max_workers=num_on_gpu)
    num_workers = torch.get_num_threads()
    torch.set_num_threads(1)
    return ThreadPoolExecutor(num_workers, initializer=torch.set_num_threads, initargs=(1,))


def load_once(load: Callable[[], Loaded]) -> Callable[[], Loaded]:
    """A function that calls `load` once, and gives the same result to all threads."""
    lock = Lock()
    cached = cache(load)

    def load_cached() -> Loaded:
        with lock:
            return cached()

    return load_cached
