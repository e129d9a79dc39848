"""The figure of the ablations: what it shows is in the table, and it is the committed one."""

from pathlib import Path

import pytest

from calibration.study.draw_ablations import ABLATIONS, FIGURE, draw_ablations, run_difference
from zimage_eval.output.figures import save_figure
from zimage_eval.output.observations import Measurement, read_observations


def runs(gain: float) -> list[Measurement]:
    arms = {"baseline": 0.0, "refiner_timestep=true": gain}
    return [
        Measurement(arm, f"seed {seed}", 0, category, metric, seed / 100 + more * (1 + seed % 2))
        for arm, more in arms.items()
        for seed in range(8)
        for category, metric in (("all", "alignment"), ("sigma=0.5", "flow_loss"))
    ]


def test_differences_are_paired_by_training_run() -> None:
    found = run_difference(runs(0.2), "alignment", "all")
    assert found.num_prompts == 8 and found.mean == pytest.approx(0.3)
    assert found.low is not None and found.high is not None and found.low < 0.3 < found.high < 0.5


def test_each_category_and_noise_level_has_its_place() -> None:
    alignment, loss = draw_ablations(runs(0.2)).axes
    assert [label.get_text() for label in alignment.get_yticklabels()] == ["all"]
    assert [label.get_text() for label in loss.get_yticklabels()] == ["0.5"]
    assert loss.lines[1].get_xdata() == pytest.approx([0.3])


def test_the_committed_figure_is_of_the_committed_table(tmp_path: Path) -> None:
    save_figure(draw_ablations(read_observations(ABLATIONS)), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == FIGURE.read_bytes()
