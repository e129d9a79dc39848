"""The report's sections on calibration and machines: every number is one that was given."""

from zimage_eval.machine_results import Machine, MachineResults
from zimage_eval.report_calibration import calibration_section
from zimage_eval.report_machine import machine_section

CARD = {
    "nano": {
        "truths": {
            "hidden_layer": {
                "planted": "-2",
                "found": ["-2", "-3"],
                "leader": "-2",
                "recovered": True,
                "chance": 0.33,
                "num_prompts": 512,
            },
            "rope_theta": {
                "planted": "256",
                "found": [],
                "leader": None,
                "recovered": False,
                "chance": 0.0,
                "num_prompts": 0,
            },
        },
        "total": {
            "num_truths": 2,
            "num_recovered": 1,
            "share": 0.5,
            "low": 0.0126,
            "high": 0.9874,
            "chance": 0.165,
        },
        "recovery": {"by_num_prompts": {"32": 0.5}, "by_wrong_answers": {"0.05": 0.25}},
        "found_in_shuffled": {"hidden_layer": 0.0, "rope_theta": 0.1},
    }
}


def test_the_scorecard_says_what_was_planted_found_and_recovered() -> None:
    text = calibration_section(CARD)
    assert "| nano | hidden layer | -2 | -2, -3 | **yes** | 512 |" in text
    assert "| nano | rope theta | 256 | \N{EN DASH} | no | \N{EN DASH} |" in text
    assert "1 of 2 recovered, 50% [1%, 99%]" in text
    assert "judge wrong on 5% | 25% |" in text and "shuffled (should be near 0) | 5% |" in text
    assert "no evidence about Z-Image" in text
    assert "make calibrate" in calibration_section({})


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
