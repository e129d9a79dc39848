"""What an open answer would take is counted."""

from pathlib import Path

from zimage_eval.benchmarks.machine.results import read_machine_results, seconds_per_image
from zimage_eval.questions.questions import Effort
from zimage_eval.report.efforts import tell_effort

H100 = read_machine_results(Path("reports/machine/h100/profile.json"))


def test_pictures_forwards_and_hours_follow_from_the_numbers() -> None:
    effort = Effort(prompts=512, seeds=2, variants=3, forwards=10)
    hours = 3072 * seconds_per_image(H100, 10).mean / 3600
    told = tell_effort(effort, [H100])
    assert told.startswith(
        "It takes 512 prompts x 2 seeds x 3 arms: 3,072 pictures, 30,720 forwards"
    )
    assert f"{hours:.1f} hours on one {H100.machine.name}" in told


def test_a_size_that_was_not_measured_has_no_hours() -> None:
    told = tell_effort(Effort(prompts=8, seeds=1, variants=1, size="nobody"), [H100])
    assert told == "It takes 8 prompts x 1 seed x 1 arm: 8 pictures, 64 forwards."
