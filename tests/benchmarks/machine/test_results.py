"""Results of one machine: written with what they were measured on, and joined with counts."""

import json
from pathlib import Path

import pytest

from zimage_eval.benchmarks.machine.results import (
    FORWARD_PARTS,
    OTHER_PARTS,
    MachineResults,
    MachineValue,
    machine_table,
    read_machine_results,
    seconds_per_image,
    write_machine_results,
)
from zimage_eval.output.text_tables import render_text

ROWS: dict[str, dict[str, MachineValue]] = {
    "batch=1": {"seconds_per_forward": 0.5, "seconds_beside_forwards": 0.25},
    "batch=4": {"seconds_per_forward": 0.2, "seconds_beside_forwards": 0.1},
    "batch=8": {"error": "out of memory"},
}


@pytest.fixture
def results(tmp_path: Path) -> MachineResults:
    return write_machine_results(tmp_path / "a" / "b.json", "throughput", "tiny", "random", ROWS)


def test_they_are_read_as_they_were_written(results: MachineResults, tmp_path: Path) -> None:
    assert read_machine_results(tmp_path / "a" / "b.json") == results
    assert results.rows == ROWS
    assert {"torch", "diffusers", "transformers", "python"} <= results.versions.keys()
    assert results.machine.num_cores >= 1
    assert len(results.date.split("-")) == 3


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(ValueError, match="no such results"):
        read_machine_results(path)
    path.write_text(json.dumps({"rows": {}}))
    with pytest.raises(ValueError, match="missing"):
        read_machine_results(path)
    with pytest.raises(ValueError, match="finite"):
        write_machine_results(path, "x", "tiny", "random", {"row": {"seconds": float("nan")}})


def test_a_table_names_its_machine_and_leaves_holes(results: MachineResults) -> None:
    head, columns, *lines = render_text(machine_table(results)).splitlines()
    assert results.machine.name in head
    assert "random" in head
    assert columns.split() == ["seconds_beside_forwards", "seconds_per_forward", "error"]
    assert lines[0].split() == ["batch=1", "0.25", "0.5", "-"]


def test_an_image_costs_its_forwards_and_the_rest(tmp_path: Path) -> None:
    rows: dict[str, dict[str, MachineValue]] = {
        part: {"seconds": seconds, "lowest_seconds": seconds / 2, "highest_seconds": seconds * 3}
        for part, seconds in zip((*FORWARD_PARTS, *OTHER_PARTS), (1, 6, 1, 2, 3, 5), strict=True)
    }
    rows |= {f"forward={number}": {"seconds": 2.0} for number in (1, 2, 3, 4)}
    profile = write_machine_results(tmp_path / "p.json", "profile", "tiny", "random", rows)
    assert seconds_per_image(profile, 4) == pytest.approx((18, 9, 54))
    assert seconds_per_image(profile, 1) == pytest.approx((12, 6, 36))
    del profile.rows["decode"]
    with pytest.raises(ValueError, match="decode"):
        seconds_per_image(profile, 4)


def test_seconds_need_a_profile(results: MachineResults) -> None:
    with pytest.raises(ValueError, match="no forward was profiled"):
        seconds_per_image(results, 8)
