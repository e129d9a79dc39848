"""The front of quality against cost: closed cases, and how often a picture is wrong."""

import numpy as np
import pandas as pd
import pytest

from tests.support.fakes.fake_reports import at_most
from zimage_eval.studies.pareto import front_results, pareto_front, shared_qualities

PROMPTS = 64
COSTS = {"a": 4.0, "b": 8.0, "c": 8.0, "d": 16.0}


def scores(means: dict[str, float], rng: np.random.Generator) -> dict[str, list[float]]:
    base = rng.normal(0, 1, PROMPTS)
    return {
        name: (base + mean + rng.normal(0, 0.1, PROMPTS)).tolist() for name, mean in means.items()
    }


def statuses(means: dict[str, float], seed: int = 0) -> dict[str, str]:
    qualities = scores(means, np.random.default_rng(seed))
    return {m.variant: m.status for m in pareto_front(qualities, COSTS, None, 999)}


def test_better_at_more_cost_is_on_the_front_and_worse_is_dominated() -> None:
    found = statuses({"a": 0.0, "b": 0.5, "c": -0.5, "d": 0.2})
    assert found == {"a": "on_front", "b": "on_front", "c": "dominated", "d": "dominated"}


def test_what_the_prompts_leave_open_may_be_on_the_front() -> None:
    found = statuses({"a": 0.0, "b": 0.5, "c": 0.5, "d": 0.5})
    assert found["a"] == "on_front"
    assert {found[name] for name in "bcd"} <= {"may_be_on_front"}


def test_a_cheaper_variant_is_never_dominated_by_a_dearer_one() -> None:
    assert statuses({"a": -5.0, "b": 0.0, "c": 0.0, "d": 5.0})["a"] == "on_front"


def test_few_prompts_or_ties_are_unresolved() -> None:
    few = {name: [float(i) + k for i in range(4)] for k, name in enumerate(COSTS)}
    front = pareto_front(few, COSTS, None, 99)
    assert [m.status for m in front] == ["on_front", *["unresolved"] * 3]
    assert front_results(front)["b"] == {"on_front": None, "may_be_on_front": None}
    with pytest.raises(ValueError, match="the same prompts"):
        pareto_front({"a": [1.0], "b": []}, COSTS, None)


def test_a_true_member_is_dropped_in_at_most_one_picture_of_twenty() -> None:
    """All equal: each is a member of its front, and none has a lead over its rivals."""
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(100):
        front = pareto_front(scores(dict.fromkeys(COSTS, 0.0), rng), COSTS, None, 499)
        wrong += any(member.status == "dominated" for member in front)
        wrong += any(member.status == "on_front" for member in front if member.variant != "a")
    assert at_most(wrong, 100, 0.10)  # 5 % a side


def test_prompts_that_a_variant_lacks_are_left_out_for_all() -> None:
    rows = [
        {"variant": v, "phase": phase, "prompt_id": f"p{i}", "seed": s, "alignment": value}
        for phase in ("screen", "confirm")
        for v in ("a", "b", "failed")
        for i in range(4)
        for s, value in ((0, None if v == "failed" or (v, i) == ("b", 3) else 1.0 * i), (1, None))
    ]
    shared = shared_qualities(pd.DataFrame(rows), ("a", "b", "failed"), "alignment", -1.0)
    assert shared == {"a": [0.0, -1.0, -2.0], "b": [0.0, -1.0, -2.0]}
