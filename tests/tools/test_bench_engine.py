"""The bench counts what a forward takes, and judges a row by its goals."""

import json
from pathlib import Path

import pytest
import torch

from tools.bench_engine import GOALS, forward_tflop, row, write_rows
from tools.bench_sides import Job, Side, alternate, same_pixels
from zimage_eval.output.png import encode_png


def drawing(value: int) -> Side:
    """A side whose pictures are all of one color."""

    def draw(jobs: list[Job], folder: Path) -> None:
        for number, _ in enumerate(jobs):
            image = torch.full((3, 8, 8), value if number else 0, dtype=torch.uint8)
            (folder / f"{number}.png").write_bytes(encode_png(image, {}))

    return Side(f"side {value}", draw)  # type: ignore[arg-type]


JOBS = [Job("a square", seed, torch.zeros(1)) for seed in range(4)]


@pytest.mark.parametrize(("tokens", "tflop"), [(32, 55.1206), (128, 56.5796), (512, 62.5064)])
def test_a_forward_takes_what_torchs_counter_says(tokens: int, tflop: float) -> None:
    assert forward_tflop(tokens) == pytest.approx(tflop, abs=5e-5)


@pytest.mark.parametrize(("ratio", "met"), [(2.3, "aim"), (1.9, "must"), (1.8, "no")])
def test_a_ratio_is_judged_by_what_must_be_and_what_is_aimed_at(ratio: float, met: str) -> None:
    judged = row("images_on_disk", [ratio - 0.1, ratio, ratio + 0.3], [1.0, 1.0, 1.0])
    assert judged["met"] == met and judged["ratio"] == ratio
    assert judged["ours"] == {"median": ratio, "min": ratio - 0.1, "max": ratio + 0.3}


def test_an_error_must_be_small_and_a_share_is_judged_itself() -> None:
    assert row("teacher_forced_error", [1.04], [1.0])["met"] == "must"
    assert row("teacher_forced_error", [1.06], [1.0])["met"] == "no"
    assert row("denoiser_efficiency", [0.8], [0.5])["met"] == "must"
    assert row("denoiser_efficiency", [0.7], [0.1])["met"] == "no"


def test_sides_take_turns_there_and_back_and_pictures_are_compared_by_their_pixels() -> None:
    sides, around = [drawing(1), drawing(2)], []
    rates = alternate(sides, JOBS, lambda: around.append(1))
    assert {name: len(values) for name, values in rates.items()} == {"side 1": 2, "side 2": 2}
    assert len(around) == 4
    assert same_pixels(sides[0], sides[1], JOBS) == 0.25
    assert same_pixels(sides[0], sides[0], JOBS) == 1


def test_rows_that_were_not_measured_stay(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    write_rows({"decode": row("decode", [20.0], [10.0])}, path)
    write_rows({"nano_on_two_cores": row("nano_on_two_cores", [2.0], [1.0])}, path)
    written = json.loads(path.read_text())
    assert set(written) == {"decode", "nano_on_two_cores"} <= set(GOALS)
    assert written["decode"]["ratio"] == 2 and written["decode"]["machine"]["date"]
