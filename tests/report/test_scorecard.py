"""The report's sections on calibration and machines: every number is one that was given."""

from typing import Any

from zimage_eval.benchmarks.machine.results import MachineResults
from zimage_eval.benchmarks.machine.this_machine import Machine
from zimage_eval.report.machines import machine_section
from zimage_eval.report.scorecard import calibration_section


def truth_row(planted: str, *, recovered: bool, beaten: int | None = None) -> dict[str, Any]:
    return {
        "planted": planted,
        "found": [planted, "other"] if recovered else [],
        "recovered": recovered,
        "has_consequence": None if beaten is None else beaten >= 2,
        "num_alternatives": None if beaten is None else 4,
        "num_alternatives_beaten": beaten,
        "measured": f"alignment, {planted} over other",
        "value": 0.123 if recovered else None,
        "low": -0.01 if recovered else None,
        "high": 0.3 if recovered else None,
        "chance": 0.33,
        "num_prompts": 512,
        "num_images": 3072 if recovered else 0,
    }


def card_of(truths: dict[str, Any], share: float) -> dict[str, Any]:
    outcome = {"recovered": share, "crowned": 0.2, "crowned_unnoticed": 0.01, "objected": 0.91}
    ends = {"difference": 0.01, "low": -0.08, "high": 0.1}  # logarithms
    difference = {"metric": "sharpness", "margin": 0.1398, **ends}
    return {
        "truths": truths,
        "total": {
            "num_truths": 2,
            "num_recovered": 1,
            "share": 0.5,
            "low": 0.0126,
            "high": 0.9874,
            "chance": 0.165,
        },
        "default_size": "64x1",
        "by_size": {
            "64x1": {"hidden_layer": share, "schedule": 0.0, "chat_format": 0.0},
            "512x2": {"hidden_layer": None, "schedule": None, "chat_format": 0.9},
        },
        "default_pictures": 6,
        "by_pictures": {"6": {"red ring": 0.25}},
        "by_judge": {
            kind: {"0.05": {"hidden_layer": outcome}} for kind in ("at_random", "in_favor")
        },
        "found_in_shuffled": {
            "hidden_layer": {"num": 2, "num_draws": 400, "share": 0.005, "low": 0.0, "high": 0.02},
            "schedule": {"num": 60, "num_draws": 400, "share": 0.15, "low": 0.12, "high": 0.19},
        },
        "neutral_words": {
            "lovely over fine": difference | {"kind": "no_difference", "is_quiet": True},
            "fine over none": difference | {"kind": "size_open", "is_quiet": False},
        },
        "false_flags": {
            "num_pairs": 118,
            "num_flagged": 1,
            "num_neighbors": 38,
            "num_neighbors_flagged": 0,
        },
        "even_size": {
            "measured": "share of large",
            "is_flagged": True,
            "share": 0.69,
            "low": 0.64,
            "high": 0.73,
        },
        "not_run": [],
    }


TRUTHS = {
    "hidden_layer": truth_row("-2", recovered=True, beaten=4),
    "schedule": truth_row("8 at 3.0", recovered=False, beaten=2),
    "chat_format": truth_row("template", recovered=False, beaten=1),
    "hole red ring": truth_row("red ring", recovered=True, beaten=2),
}
CARD = {
    "nano": card_of(TRUTHS, 0.75),
    "mini": card_of(TRUTHS | {"skew color": truth_row("blue", recovered=True)}, 0.5),
    "pico": card_of(TRUTHS, 0.25) | {"neutral_words": {}, "false_flags": {}, "even_size": {}},
}
TEXT = calibration_section(CARD)


def test_the_scorecard_says_what_was_planted_found_and_recovered() -> None:
    measured = "alignment, -2 over other: 0.123 [\N{MINUS SIGN}0.01, 0.3]"
    assert f"| nano | hidden layer | -2 | -2, other | {measured} | **yes** | 3,072 | 75% |" in TEXT
    dash = "\N{EN DASH}"
    assert f"| nano | schedule | 8 at 3.0 | {dash} | {dash} | no | {dash} | 0% |" in TEXT
    assert "| no consequence (1 of 4 alternatives beaten; found: no) |" in TEXT
    assert "| nano | hole red ring | red ring | red ring, other |" in TEXT
    assert "1 of 2 truths with a consequence recovered, 50% [1%, 99%]" in TEXT
    assert "At the default size 33% of the 3 that it could be drawn for." in TEXT
    assert "no evidence about Z-Image" in TEXT
    assert "make calibrate" in calibration_section({})


def test_what_was_not_measured_is_said() -> None:
    [mini] = [line for line in TEXT.splitlines() if line.startswith("- **mini**")]
    assert "1 of 2 truths recovered" in mini
    assert mini.endswith("Whether 1 of them have a consequence was not measured.")


def test_recovery_stands_by_size_and_by_judge_for_every_family() -> None:
    assert "| recovered with (truths that were scored at this size) | nano | mini | pico |" in TEXT
    assert "| 64x1 prompts x seeds, drawn from those scored | 38% (2) | 25% (2) | 12% (2) |" in TEXT
    nothing = " | ".join("\N{EN DASH}" * 3)  # the one truth with that many has no consequence
    assert f"| 512x2 prompts x seeds, drawn from those scored | {nothing} |" in TEXT
    assert "| missing pairs, 6 pictures of each pair | 25% (1) | 25% (1) | 25% (1) |" in TEXT
    for judge in ("wrong at random", "wrong in favor of one rival"):
        assert f"| 95% right, {judge} | mini | 50% | 20% | 1% | 91% |" in TEXT


def test_negative_controls_say_whether_they_were_kept() -> None:
    words = "words said of any picture"
    span = "x 1.01 [0.92, 1.11]"
    assert f"| nano | {words}, lovely over fine: sharpness | not by more than 15% |" in TEXT
    assert f"| no difference that matters, {span} | yes |" in TEXT
    assert f"| whether it matters is open, {span} | **no** |" in TEXT
    assert "| 1 of 118 | **no** |" in TEXT and "| 0 of 38 | yes |" in TEXT
    assert "share of large | no default | 0.69 [0.64, 0.73] | **no** |" in TEXT
    assert "| 62 of 800; most in schedule, 15.0% [12.0%, 19.0%] | **no** |" in TEXT


def test_each_machine_has_tables_of_its_own() -> None:
    machine = Machine(name="GPU", device="cuda", num_cores=4, num_threads=4, memory_gib=79.2)
    one = MachineResults(
        benchmark="throughput",
        model="z-image-turbo",
        weights="random",
        date="2026-11-25",
        machine=machine,
        versions={"torch": "2"},
        rows={"batch=1": {"images_per_second": 0.5626, "why": "a|b"}, "batch=2": {}},
    )
    other = one.model_copy(update={"machine": machine.model_copy(update={"name": "CPU"})})
    text = machine_section([one, other])
    assert text.count("<details") == 2 and "on GPU, 2026-11-25" in text and "on CPU" in text
    assert "| `batch=1` | 0.5626 | a/b |" in text and "Weights: random" in text
    assert "| `batch=2` | \N{EN DASH} | \N{EN DASH} |" in text
