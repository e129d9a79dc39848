"""Draw the figures of the measured H100 again: `python -m tools.draw_machine`.

reports/machine/h100/*.json -> reports/figures/h100/*.png
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from zimage_eval.benchmarks.machine.figures import draw_compile, draw_profile, draw_throughput
from zimage_eval.benchmarks.machine.results import MachineResults, read_machine_results
from zimage_eval.output.figures import save_figure

RESULTS: Final = Path("reports/machine/h100")
FIGURES: Final = Path("reports/figures/h100")
DRAWN: Final[Mapping[str, Callable[[MachineResults], Figure]]] = {
    "throughput": draw_throughput,
    "profile": draw_profile,
    "compile": draw_compile,
}
"""What draws a benchmark: as in the stage that measures it here."""


def main(folder: Path = FIGURES) -> None:
    """Draw the committed figures again."""
    for benchmark, draw in DRAWN.items():
        results = read_machine_results(RESULTS / f"{benchmark}.json")
        save_figure(draw(results), folder / f"{benchmark}.png")


if __name__ == "__main__":
    main()
