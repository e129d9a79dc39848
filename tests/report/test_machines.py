"""Seconds of a page: forwards as counted, times one machine's profile, never two in a column."""

from tests.support.fakes.fake_summaries import DEFAULTS, FULL, number, summarize
from zimage_eval.benchmarks.machine.results import MachineResults, MachineValue
from zimage_eval.benchmarks.machine.this_machine import Machine
from zimage_eval.config.params import Study
from zimage_eval.config.variants import expand_variants
from zimage_eval.report.machines import page_seconds
from zimage_eval.report.studies import StudyReport

PARTS = {"refine": 0.1, "denoise": 0.7, "loop": 0.0, "encode": 0.3, "decode": 0.1, "save": 0.0}


def profile(machine: str, times: float, benchmark: str = "profile") -> MachineResults:
    """Eight forwards of 0.1 s each and 0.4 s beside them, so many times."""
    rows: dict[str, dict[str, MachineValue]] = {
        part: {"seconds": s * times, "lowest_seconds": s * times / 2, "highest_seconds": s * times}
        for part, s in PARTS.items()
    }
    return MachineResults(
        benchmark=benchmark,
        model="nano",
        weights="random" if times > 1 else "6c58",
        date="2026-11-25",
        machine=Machine(name=machine, device="cpu", num_cores=2, num_threads=1, memory_gib=8.0),
        versions={},
        rows=rows | {f"forward={index}": {"seconds": 0.1} for index in range(1, 9)},
    )


def study(key: str, vary: dict, forwards: tuple[int, ...]) -> StudyReport:
    fields = {"question": "?", "prompts": "main", "vary": vary, "variants": {}, "confirm": None}
    entry = Study.model_validate(fields)
    variants = expand_variants(entry, DEFAULTS)
    rows = [
        row
        for variant, count in zip(variants, forwards, strict=True)
        for row in summarize(
            variant.name, coverage=FULL, alignment=number(0.5), num_forwards=number(count, reach=0)
        )
    ]
    return StudyReport(key, entry, variants, rows)


MACHINES = [profile("SLOW", 1), profile("FAST", 2), profile("SLOW", 9, "throughput")]
STEPS = study("steps", {"sampler": {"num_inference_steps": [4, 8]}}, (4, 8))
LAYERS = study("layers", {"encoder": {"hidden_layer": [-1, -2]}}, (8, 8))
SIZES = study("sizes", {"image": {"width": [32, 64]}}, (8, 8))
PLACES = {"num_inference_steps=4": {"on_front": 0.0, "may_be_on_front": 1.0}}


def test_variants_of_unlike_forwards_have_a_row_each_and_machines_a_column_each() -> None:
    results = {"steps": {"steps": PLACES}}
    text = page_seconds({"steps", "layers"}, [LAYERS, STEPS], MACHINES, results)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert "s, nano on SLOW | s, random weights of the size of nano on FAST |" in table[0]
    assert "`num_inference_steps=4` | 0.50 [0.45, 0.55] | maybe | 4 |" in table[2]
    assert table[2].endswith("| 0.80 [0.40, 0.80] | 1.60 [0.80, 1.60] |")
    assert "(baseline)" in table[3] and table[3].endswith(
        "| 1.20 [0.60, 1.20] | 2.40 [1.20, 2.40] |"
    )


def test_one_line_where_all_cost_the_same() -> None:
    assert "Each picture of this page needs 8 forwards" in page_seconds(
        {"layers"}, [STEPS, LAYERS], MACHINES, {}
    )
    assert "1.20 [0.60, 1.20] s with nano on SLOW (2026-11-25); 2.40" in page_seconds(
        {"layers"}, [STEPS, LAYERS], MACHINES, {}
    )


def test_a_page_without_a_study_and_other_sizes_tell_of_the_defaults() -> None:
    for sources in ({"padding"}, {"sizes"}):
        text = page_seconds(sources, [STEPS, SIZES], MACHINES, {})
        assert "A picture at the defaults needs 8 forwards" in text


def test_nothing_is_said_of_machines_that_were_not_profiled() -> None:
    assert page_seconds({"steps"}, [STEPS], MACHINES[2:], {}) == ""
