"""Seconds of an image on a measured machine, joined from counted forwards when a report is made."""

from collections.abc import Mapping

from zimage_eval.machine_results import MachineResults


def seconds_per_image(throughput: MachineResults, batch_size: int, num_forwards: float) -> float:
    """What an image takes that needs so many forwards, its decoding and its file included.

    Args:
        throughput: of the model, whose default size the image must have.
        batch_size: images that are made together; the largest measured one that is no larger
            stands for it.
        num_forwards: transformer evaluations of the image; with guidance, two a step.

    Raises:
        ValueError: no batch so small was measured.
    """
    cells = _row(throughput, batch_size)
    forward, beside = cells["seconds_per_forward"], cells["seconds_beside_forwards"]
    assert isinstance(forward, int | float) and isinstance(beside, int | float)
    return num_forwards * forward + beside


def _row(throughput: MachineResults, batch_size: int) -> Mapping[str, float | int | str | None]:
    sizes = {
        int(row.removeprefix("batch=")): cells
        for row, cells in throughput.rows.items()
        if "error" not in cells
    }
    fitting = [size for size in sizes if size <= batch_size]
    if not fitting:
        raise ValueError(f"batch size {batch_size}: measured are {sorted(sizes)}")
    return sizes[max(fitting)]
