"""What templates are worth, on scores whose gains are known."""

from pathlib import Path

import pandas as pd
import pytest

from zimage_eval.benchmarks.prompts.template_worth import (
    count_added_tokens,
    draw_worth,
    worth_observations,
    worth_rows,
)
from zimage_eval.output.figures import save_figure
from zimage_eval.prompts.templates import Template

LIBRARY = (
    Template(name="plain", category="bare"),
    Template(name="good", category="words", prefix="a good"),
    Template(name="bad", category="words", prefix="a very bad"),
    Template(name="short", category="filler", filler_tokens=2),
    Template(name="long", category="filler", filler_tokens=9),
)
TOKENS = {"plain": 0.0, "good": 2.0, "bad": 4.0, "short": 2.0, "long": 9.0}
GAINS = {"plain": 0.0, "good": 20.0, "bad": -4.0, "short": 1.0, "long": 3.0}


def scores(num_prompts: int = 8) -> pd.DataFrame:
    """Sharpness that differs by prompt, and by a known gain for each template."""
    rows = [
        {
            "variant": name,
            "prompt_id": f"p{index}",
            "seed": 1,
            "category": "object",
            "alignment": None,
            "sharpness": 100.0 * index + gain + (index % 2) * (name == "good"),
        }
        for name, gain in GAINS.items()
        for index in range(num_prompts)
    ]
    return pd.DataFrame(rows)


def test_gains_are_over_the_bare_prompt_and_a_filler_as_long() -> None:
    rows = worth_rows(scores(), LIBRARY, TOKENS)
    assert list(rows) == [
        *(f"template={name}" for name in ("good", "bad", "short", "long")),
        "category=words",
        "category=filler",
    ]
    good = rows["template=good"]
    assert good["sharpness_gain"] == pytest.approx(20.5)
    assert good["sharpness_gain_per_token"] == pytest.approx(20.5 / 2)
    assert good["sharpness_over_filler"] == pytest.approx(19.5)  # the short one
    low, high = good["sharpness_gain_low"], good["sharpness_gain_high"]
    assert low is not None and high is not None and low < 20.5 < high
    assert good["sharpness_gain_per_token_low"] == pytest.approx(low / 2)
    assert rows["template=bad"]["sharpness_gain_per_token"] == pytest.approx(-1)
    words = rows["category=words"]
    assert (words["num_templates"], words["num_tokens"]) == (2, 3.0)
    assert words["sharpness_gain"] == pytest.approx((20.5 - 4) / 2)
    assert "sharpness_over_filler" not in rows["category=filler"]
    assert good["alignment_gain"] is good["alignment_gain_per_token"] is None


def test_an_image_that_a_template_lacks_is_left_out_of_its_category() -> None:
    table = scores(9)
    is_lacking = (table["variant"] == "bad") & (table["prompt_id"] == "p8")
    observed = worth_observations(table[~is_lacking], LIBRARY)
    units = {one.unit for one in observed if one.variant == "words"}
    assert units == {f"p{index}" for index in range(8)}
    assert {one.variant for one in observed} == {"bare", "words", "filler"}
    assert {one.metric for one in observed} == {"sharpness"}


def test_tokens_are_counted_beyond_the_bare_wording() -> None:
    worded = {"plain": ["a b", "c"], "good": ["x a b", "x c"], "bad": ["x y a b", "x c"]}
    added = count_added_tokens(worded, "plain", lambda text: len(text.split()))
    assert added == {"plain": 0.0, "good": 1.0, "bad": 1.5}


def test_the_figure_has_a_row_a_measured_metric(tmp_path: Path) -> None:
    figure = draw_worth(worth_rows(scores(), LIBRARY, TOKENS))
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "sharpness over the bare prompt, 95 %",
        "the same per token",
    ]
    save_figure(figure, tmp_path / "worth.png")
    unmeasured = draw_worth({"category=words": {"num_templates": 1, "num_tokens": 2.0}})
    save_figure(unmeasured, tmp_path / "none.png")


def test_a_library_without_the_bare_prompt_is_refused() -> None:
    with pytest.raises(ValueError, match="is the bare prompt, without"):
        worth_rows(scores(), LIBRARY[1:], TOKENS)
