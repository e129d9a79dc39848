"""Training steps replayed as CUDA graphs.

A small transformer's step is thousands of short kernels, and launching them takes the host longer
than the GPU needs to run them. A graph launches them all at once.
"""

from collections.abc import Callable, Hashable
from typing import Any, Final

import torch

_EAGER_CALLS: Final = 2
"""Calls before a step is captured: what compiles or allocates once must have done so."""


class GraphedSteps:
    """Runs steps; on a GPU each kind of step is captured once and replayed from then on.

    A step reads and writes the same tensors at every call, draws from the default generators alone
    and never waits for the device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._calls: dict[Hashable, int] = {}
        self._graphs: dict[Hashable, torch.cuda.CUDAGraph] = {}
        self._pool: Any = None

    def run(self, kind: Hashable, step: Callable[[], None]) -> None:
        """Run one step; steps of one `kind` have the same shapes and tensors."""
        if self._device.type != "cuda":
            step()
            return
        if kind not in self._graphs:
            self._calls[kind] = self._calls.get(kind, 0) + 1
            if self._calls[kind] <= _EAGER_CALLS:
                self._run_beside(step)
                return
            self._capture(kind, step)
        self._graphs[kind].replay()

    def _run_beside(self, step: Callable[[], None]) -> None:
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            step()
        torch.cuda.current_stream().wait_stream(stream)

    def _capture(self, kind: Hashable, step: Callable[[], None]) -> None:
        graph = torch.cuda.CUDAGraph()
        # Graphs never run side by side, so all of them may use one memory.
        with torch.cuda.graph(graph, pool=self._pool):
            step()
        self._pool = self._pool or graph.pool()
        self._graphs[kind] = graph
