"""Where to compute, and how much of it side by side."""

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


def start_workers(device: torch.device) -> ThreadPoolExecutor:
    """Threads to work on batches side by side: one for a GPU, one a core otherwise.

    On the CPU each of them computes in one thread only (and so does the caller from now on). That
    makes the last bits independent of the number of cores, and where other processes take turns on
    the cores it is many times faster than torch's own threads, which spin while they wait.
    OMP_NUM_THREADS limits their number as it limits torch's.
    """
    if device.type != "cpu":
        return ThreadPoolExecutor(max_workers=1)
    num_workers = torch.get_num_threads()
    torch.set_num_threads(1)
    return ThreadPoolExecutor(num_workers, initializer=torch.set_num_threads, initargs=(1,))


def load_once(load: Callable[[], Loaded]) -> Callable[[], Loaded]:
    """A function that calls `load` the first time only, whichever worker comes first."""
    lock = Lock()
    cached = cache(load)

    def load_or_wait() -> Loaded:
        with lock:
            return cached()

    return load_or_wait
