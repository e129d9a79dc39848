"""Seconds of an image on a measured machine, joined from counted forwards when a report is made."""

from typing import Final, NamedTuple

from zimage_eval.machine_results import MachineResults, number

FORWARD_PARTS: Final = ("refine", "denoise", "loop")
"""Of a profile: what an image takes once a forward."""
OTHER_PARTS: Final = ("encode", "decode", "save")
"""What it takes once, however many forwards it needs."""


class Seconds(NamedTuple):
    """What an image takes on one machine."""

    mean: float
    lowest: float
    """Every part as fast as the fastest of the profile's images."""
    highest: float
    """Every part as slow as the slowest."""


def seconds_per_image(profile: MachineResults, num_forwards: float) -> Seconds:
    """What an image takes that needs so many forwards, from its text to its file.

    Args:
        profile: of images made alone, whose size and length of prompt the image must have.
        num_forwards: transformer evaluations of the image; with guidance, two a step.

    Raises:
        ValueError: not a profile, or a part of it is missing.
    """
    measured = sum(row.startswith("forward=") for row in profile.rows)
    if not measured:
        raise ValueError(f"{profile.benchmark} of {profile.model}: no forward was profiled")
    missing = [part for part in (*FORWARD_PARTS, *OTHER_PARTS) if part not in profile.rows]
    if missing:
        raise ValueError(f"{profile.benchmark} of {profile.model}: no {missing}")

    def total(metric: str) -> float:
        forwards = sum(number(profile.rows[part], metric) for part in FORWARD_PARTS)
        others = sum(number(profile.rows[part], metric) for part in OTHER_PARTS)
        return num_forwards / measured * forwards + others

    return Seconds(total("seconds"), total("lowest_seconds"), total("highest_seconds"))
