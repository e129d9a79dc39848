"""What a benchmark of judged pictures writes for a model whose pictures nobody judges."""

from pathlib import Path

import matplotlib.style
from matplotlib.figure import Figure

from zimage_eval.output.figures import FAINT, WIDTH_INCHES, save_figure
from zimage_eval.output.observations import write_observations
from zimage_eval.output.results import write_results

NOTE = "not available: nobody judges the pictures of this model"


def write_unjudged(name: str, results: Path, observations: Path, figure: Path) -> None:
    """Results without a number, no observations, and a figure that says why."""
    write_results(results, {name: {"not available": {"num_prompts": 0}, "checks": {}}})
    write_observations(observations, [])
    with matplotlib.style.context("default"):
        empty = Figure(figsize=(WIDTH_INCHES, 1))
        empty.text(0.5, 0.5, NOTE, ha="center", va="center", color=FAINT, style="italic")
    save_figure(empty, figure)
    print(NOTE)
