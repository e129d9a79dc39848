from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.projects.default_settings import DEFAULTS
from zimage_eval.config.metrics import METRICS
from zimage_eval.config.settings import Settings, override
from zimage_eval.config.variants import Variant
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.studies.summaries import (
    Summary,
    confirm_rows,
    excludes_zero,
    note_small_pictures,
    read_summaries,
    summarize_chance,
    summarize_scores,
    write_summaries,
)


def score_row(
    variant: str,
    prompt: int,
    seed: int,
    phase: str = "screen",
    error: str | None = None,
    **scores: float | None,
) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(METRICS)
    row |= {"variant": variant, "phase": phase, "prompt_id": f"p{prompt}", "seed": seed}
    return row | {"category": ("even", "odd")[prompt % 2], "error": error} | scores


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    metrics = [metric for metric in METRICS if metric in rows[0]]
    return pd.DataFrame(rows).astype(dict.fromkeys(metrics, float))


def find(summaries: list[Summary], variant: str, metric: str, **other: str) -> Summary:
    wanted = {"phase": "screen", "category": "all"} | other
    rows = [row for row in summaries if row.variant == variant and row.metric == metric]
    (row,) = [r for r in rows if all(getattr(r, k) == v for k, v in wanted.items())]
    return row


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """16 prompts x 2 seeds; the rival is 0.25 lower on every odd prompt; 2 of its images failed."""
    rng = np.random.default_rng(0)
    made = []
    for prompt in range(16):
        for seed in (1, 2):
            value = rng.choice([0.5, 0.75, 1.0])
            made.append(score_row("base", prompt, seed, alignment=value, sharpness=10.0))
            if prompt == 3:
                made.append(score_row("rival", prompt, seed, error="RuntimeError: no"))
            else:
                loss = 0.25 * (prompt % 2)
                made.append(score_row("rival", prompt, seed, alignment=value - loss, lpips=0.1))
            made.append(score_row("gone", prompt, seed, error="not available: layer -99"))
    return made


@pytest.fixture
def summaries(rows: list[dict[str, Any]]) -> list[Summary]:
    return summarize_scores(table(rows), ["base", "rival", "gone"], "base")


def test_differences_are_paired_and_categories_apart(summaries: list[Summary]) -> None:
    total = find(summaries, "rival", "alignment")
    assert total.num_prompts == 15
    assert total.difference == pytest.approx(-0.25 * 7 / 15)
    odd, even = (find(summaries, "rival", "alignment", category=c) for c in ("odd", "even"))
    assert (odd.num_prompts, odd.difference) == (7, pytest.approx(-0.25))
    assert (even.num_prompts, even.difference) == (8, 0.0)
    assert odd.difference_low is None  # 7 prompts
    assert even.difference_low is not None and even.difference_low < 0 < even.difference_high  # type: ignore[operator]
    assert excludes_zero(total) == (total.difference_high < 0)  # type: ignore[operator]


def test_the_mean_is_over_the_variants_own_prompts(summaries: list[Summary]) -> None:
    base, rival = (find(summaries, name, "alignment") for name in ("base", "rival"))
    assert base.num_prompts == 16 and rival.num_prompts == 15
    assert base.mean is not None and rival.mean is not None
    assert rival.mean - base.mean != pytest.approx(rival.difference)


def test_baseline_and_distances_have_no_difference(summaries: list[Summary]) -> None:
    assert find(summaries, "base", "alignment").difference is None
    lpips = find(summaries, "rival", "lpips")
    assert lpips.mean == pytest.approx(0.1) and lpips.difference is None


def test_coverage_counts_failures_and_names_them(summaries: list[Summary]) -> None:
    rival = find(summaries, "rival", "coverage")
    assert rival.mean == pytest.approx(30 / 32)
    assert rival.note == "2 of 32 images: RuntimeError: no"
    assert find(summaries, "base", "coverage")[5:] == (1.0, *[None] * 5, "")


def test_unavailable_settings_are_no_failure(summaries: list[Summary]) -> None:
    gone = find(summaries, "gone", "coverage")
    assert gone.mean is None and gone.note == "not available: layer -99"
    assert find(summaries, "gone", "alignment").mean is None


def test_categories_without_a_number_are_left_out(summaries: list[Summary]) -> None:
    assert {row.category for row in summaries if row.metric == "fact_count"} == {"all"}


def test_tokens_of_a_class_that_no_prompt_has_are_left_out(rows: list[dict[str, Any]]) -> None:
    rows[0]["cka_content"] = 0.5
    found = {row.metric for row in summarize_scores(table(rows), ["base", "rival"], "base")}
    assert "cka_content" in found and "cka_pad" not in found
    assert "lpips" in found and "psnr" in found  # null, and said to be


def test_a_metric_without_its_network_is_absent(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        del row["dists"]
    found = {row.metric for row in summarize_scores(table(rows), ["base", "rival"], "base")}
    assert "dists" not in found and "lpips" in found


def test_chance_is_what_swapped_prompts_reach(rows: list[dict[str, Any]]) -> None:
    swapped = [
        row | {"variant": SWAPPED_PROMPTS, "alignment": 0.25, "sharpness": None}
        for row in rows
        if row["variant"] == "base"
    ]
    chance = summarize_chance(table([*rows, *swapped]), "base")
    assert {row.metric for row in chance} == {"alignment"} and chance[0].category == "all"
    assert chance[0].mean == 0.25
    own = find(summarize_scores(table(rows), ["base"], "base"), "base", "alignment").mean
    assert own is not None and chance[0].difference == pytest.approx(0.25 - own)
    assert summarize_chance(table(rows), "base") == []
    unjudged = [row | {"alignment": None} for row in swapped]
    assert summarize_chance(table([*rows, *unjudged]), "base") == []


def test_confirm_rows_are_the_rivals() -> None:
    rows = [
        score_row(variant, prompt, 1, phase="confirm", alignment=value)
        for prompt in range(8)
        for variant, value in (("base", 1.0), ("rival", 0.5))
    ]
    summaries = summarize_scores(table(rows), ["base", "rival"], "base")
    confirmed = {row.metric: row for row in confirm_rows(summaries, "base")}
    assert {row.variant for row in confirmed.values()} == {"rival"}
    assert confirmed["alignment"].difference == -0.5


def test_csv_round_trip_is_stable(summaries: list[Summary], tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "table.csv", tmp_path / "b.csv"
    write_summaries(first, summaries)
    write_summaries(second, read_summaries(first))
    assert first.read_bytes() == second.read_bytes()
    assert first.read_text().splitlines()[0] == (
        "variant,phase,metric,category,num_prompts,mean,low,high,"
        "difference,difference_low,difference_high,note"
    )


def test_a_table_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("variant,mean\nx,1\n")
    with pytest.raises(ValueError, match="columns"):
        read_summaries(tmp_path / "table.csv")
    with pytest.raises(ValueError, match="no such table"):
        read_summaries(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("screen,", ""), r":2: 11 fields, the header has 12"),
        ((",64,", ",many,"), r":2: 'many' is no whole number"),
        ((",0.5,", ",nan,"), r":2: 'nan' is no finite number"),
        (("a note\n", "a no"), r": its last line is cut off"),
        (("a note", '"a note'), r":2: unexpected end of data"),
    ],
)
def test_a_damaged_table_is_named(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    path = tmp_path / "table.csv"
    write_summaries(path, [Summary("v", "screen", "alignment", "all", 64, 0.5, note="a note")])
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(ValueError, match=rf"^{path}{words}"):
        read_summaries(path)


def test_pictures_that_are_too_small_are_the_reason() -> None:
    defaults = Settings.model_validate(DEFAULTS)
    small = override(defaults, [(("image", "height"), 16)])
    variants = [Variant("base", small, True), Variant("rival", small, False)]
    rows = [
        Summary(variant, "screen", metric, "all", 0, None, note="2 of 2 images have no number")
        for variant in ("base", "rival")
        for metric in ("lpips", "seed_diversity", "ssim", "psnr", "kid_alexnet")
    ]
    noted = [row.note.partition(": ")[2] for row in note_small_pictures(rows, variants)]
    reason = "16 pixels on a side, 31 needed"
    assert noted == ["", reason, "", "", "", reason, reason, "", "", ""]
    large = [Variant(name, defaults, name == "base") for name in ("base", "rival")]
    assert note_small_pictures(rows, large) == rows
