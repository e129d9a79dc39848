"""What an answer that is still open would take: pictures, forwards, and hours on a measured GPU."""

from collections.abc import Sequence

from zimage_eval.benchmarks.machine.results import MachineResults, seconds_per_image
from zimage_eval.questions.questions import Effort


def tell_effort(effort: Effort, machines: Sequence[MachineResults]) -> str:
    """One sentence.

    Args:
        effort: of the sub-question.
        machines: what was measured of them; the first profile of that size gives hours.
    """
    pictures = effort.num_pictures
    parts = [f"{pictures:,} pictures", f"{pictures * effort.forwards:,} forwards"]
    parts += [
        f"{pictures * seconds_per_image(profile, effort.forwards).mean / 3600:.1f} hours on one "
        f"{profile.machine.name} at the size of {profile.model}"
        for profile in machines
        if profile.benchmark == "profile" and profile.model == effort.size
    ][:1]
    return (
        f"It takes {effort.prompts:,} prompts x {_plural(effort.seeds, 'seed')} x "
        f"{_plural(effort.variants, 'arm')}: {', '.join(parts)}."
    )


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
