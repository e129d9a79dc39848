"""Figures of the other machine: they are of its committed results."""

from pathlib import Path

import pytest

from tools.draw_machine import DRAWN, FIGURES, main


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("h100")
    main(folder)
    return folder


@pytest.mark.parametrize("benchmark", DRAWN)
def test_the_committed_figure_is_of_the_committed_results(benchmark: str, drawn: Path) -> None:
    name = f"{benchmark}.png"
    assert (drawn / name).read_bytes() == (FIGURES / name).read_bytes()
