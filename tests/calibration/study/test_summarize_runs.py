"""What pages cite of runs made beforehand is what the committed tables hold."""

import json
from pathlib import Path

import pandas as pd
import pytest

from calibration.study.summarize_runs import ABLATIONS, FAMILIES, families, trained
from zimage_eval.output.observations import Measurement, read_observations
from zimage_eval.output.results import Results, write_results


def observation(variant: str, seed: int, value: float, category: str = "all") -> Measurement:
    return Measurement(variant, f"seed {seed}", 0, category, "alignment", value)


def test_arms_are_held_against_each_other_on_shared_seeds() -> None:
    rows = trained(
        [
            *(observation("baseline", seed, 0.1 * seed) for seed in range(8)),
            *(observation("other", seed, 0.5) for seed in range(3)),
            observation("other", 0, 0.0, "relation"),
        ]
    )["trained"]
    assert rows["baseline"]["num_runs"] == 8
    assert rows["baseline"]["alignment"] == pytest.approx(0.35)
    assert rows["baseline,shared"]["alignment"] == pytest.approx(0.1)
    assert rows["baseline,shared"]["alignment_sd"] == pytest.approx(0.1)
    assert rows["other,shared"] == rows["other"]


def test_families_are_summarized_by_prompt_in_the_screening_phase(tmp_path: Path) -> None:
    (tmp_path / "tiny" / "results").mkdir(parents=True)
    rows = [("a", "screen", "p", 1.0), ("a", "screen", "p", 0.0), ("a", "screen", "q", 1.0)]
    rows += [("a", "confirm", "r", 0.0), ("b", "screen", "p", 0.25)]
    table = pd.DataFrame(rows, columns=["variant", "phase", "prompt_id", "alignment"])
    table.to_parquet(tmp_path / "tiny" / "results" / "steps.parquet")
    assert families(tmp_path)["families"] == {
        "tiny,steps,a": {"alignment": 0.75, "num_prompts": 2},
        "tiny,steps,b": {"alignment": 0.25, "num_prompts": 1},
    }


@pytest.mark.parametrize("name", ["trained", "families"])
def test_the_committed_numbers_are_those_of_the_committed_tables(name: str, tmp_path: Path) -> None:
    found: Results = (
        trained(read_observations(ABLATIONS)) if name == "trained" else families(FAMILIES)
    )
    write_results(tmp_path / "again.json", found)
    committed = Path(f"metrics/{name}.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "again.json").read_text(encoding="utf-8")) == json.loads(
        committed
    )
