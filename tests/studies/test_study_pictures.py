"""The heat map by category and the picture of quality against cost say what the numbers say."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tests.support.projects.default_settings import DEFAULTS
from zimage_eval.config.params import Study
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant, expand_variants
from zimage_eval.studies.cost_figure import draw_study_costs
from zimage_eval.studies.figures import draw_study_categories
from zimage_eval.studies.pareto import study_front
from zimage_eval.studies.summaries import Summary, summarize_scores


def study(scales: list[float]) -> tuple[Variant, ...]:
    entry = Study.model_validate(
        {
            "question": "?",
            "prompts": "main",
            "vary": {"sampler": {"guidance_scale": scales}},
            "confirm": None,
        }
    )
    return expand_variants(entry, Settings.model_validate(DEFAULTS))


VARIANTS = study([0.0, 1.0, 3.0])
NAMES = [variant.name for variant in VARIANTS]


def table(losses: dict[str, float], metric: str = "alignment") -> pd.DataFrame:
    """Prompts of two categories that lose a share of their facts, the second one twice as much."""
    rows = [
        {
            "variant": name,
            "phase": "screen",
            "prompt_id": f"{category}-{index:02}",
            "category": category,
            "seed": 0,
            "error": None,
            metric: 1.0 - losses[name] * (1 + (category == "b")) * (0.9 + 0.2 * (index % 2)),
            "num_forwards": 8.0 if name == NAMES[0] else 16.0,
        }
        for name in losses
        for category in "ab"
        for index in range(16)
    ]
    return pd.DataFrame(rows)


ROWS = table(dict(zip(NAMES, (0.0, 0.1, 0.3), strict=True)))
SUMMARIES: list[Summary] = summarize_scores(ROWS, NAMES, NAMES[0])


def texts(axes: Axes) -> list[str]:
    return [text.get_text().replace("\N{MINUS SIGN}", "-") for text in axes.texts]


def test_the_heat_map_holds_every_difference_and_marks_those_beyond_0() -> None:
    axes = draw_study_categories(VARIANTS, SUMMARIES).axes[0]
    assert texts(axes) == [
        *("-0.15 *", "-0.10", "-0.20 *"),
        *("-0.45 *", "-0.30 *", "-0.60 *"),
        "baseline",
    ]
    titles = [label.get_text() for label in axes.get_xticklabels()]
    assert titles == ["all\nn = 32", "a\nn = 16", "b\nn = 16"]


def test_costs_and_front_of_the_study() -> None:
    front = study_front(ROWS, NAMES, "alignment")
    assert [(m.variant, m.cost, m.status) for m in front] == [
        (NAMES[0], 8.0, "on_front"),
        (NAMES[1], 16.0, "dominated"),
        (NAMES[2], 16.0, "dominated"),
    ]
    figure = draw_study_costs(VARIANTS, SUMMARIES, front)
    assert sorted(texts(figure.axes[0])) == ["0.0", "1.0", "3.0"]
    assert list(figure.axes[0].get_xticks()) == [8.0, 16.0]


def test_without_a_better_end_or_a_second_cost_there_is_no_front() -> None:
    assert study_front(ROWS, NAMES, None) == []
    assert study_front(ROWS, NAMES[1:], "alignment") == []
    rows = table(dict.fromkeys(NAMES, 0.5), metric="sharpness")
    assert study_front(rows, NAMES, "sharpness") == []
    one = study([0.0])
    summaries = summarize_scores(ROWS[:32], NAMES[:1], NAMES[0])
    assert draw_study_costs(one, summaries, []).axes
    assert texts(draw_study_categories(one, summaries).axes[0]) == ["1.00"] * 3


def test_nothing_scored_is_still_a_picture() -> None:
    rows = ROWS.assign(alignment=np.nan, num_forwards=np.nan, error="x")
    summaries = summarize_scores(rows, NAMES, NAMES[0])
    assert texts(draw_study_costs(VARIANTS, summaries, []).axes[0]) == ["no image was scored"]
    assert draw_study_categories(VARIANTS, summaries).axes
    assert study_front(rows, NAMES, "alignment") == []
