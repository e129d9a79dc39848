"""Sentences and tables of the report say what their summaries say."""

import re
from typing import get_args

import pytest

from tests.support.fakes.fake_summaries import DEFAULTS, FULL, number, summarize
from zimage_eval.config.model_spec import JudgeName
from zimage_eval.config.params import Study
from zimage_eval.config.variants import Variant, expand_variants
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.prompts.facts import KNOWN_WORDS
from zimage_eval.report.report import JUDGES
from zimage_eval.report.studies import confirm_finding, coverage_findings, screened_finding
from zimage_eval.report.web_page import render_page
from zimage_eval.studies.shown_numbers import (
    CHANCE,
    category_table,
    index_screened,
    main_table,
    markdown_table,
    metric_table,
    show,
    show_contrast,
    show_interval,
)
from zimage_eval.studies.summaries import Summary

LAYERS = {"encoder": {"hidden_layer": [-1, -2, -3]}}


def variants_of(vary: dict) -> tuple[Variant, ...]:
    fields = {"question": "?", "prompts": "main", "vary": vary, "variants": {}, "confirm": None}
    return expand_variants(Study.model_validate(fields), DEFAULTS)


def layers(**changes: Summary) -> list[Summary]:
    third = {"coverage": FULL, "alignment": number(0.88, -0.02), "lpips": number(0.1)} | changes
    return [
        *summarize(
            "hidden_layer=-1", coverage=FULL, alignment=number(0.5, -0.4), lpips=number(0.3)
        ),
        *summarize("hidden_layer=-2", coverage=FULL, alignment=number(0.9)),
        *summarize("hidden_layer=-3", **third),
    ]


@pytest.mark.parametrize(
    ("value", "signed", "shown"),
    [
        (0.934, False, "0.93"),
        (-0.05, True, "\N{MINUS SIGN}0.05"),
        (0.05, True, "+0.05"),
        (-0.001, True, "0.00"),
        (1234.5, False, "1,234.50"),
        (None, False, "\N{EN DASH}"),
    ],
)
def test_numbers_as_a_reader_sees_them(value: float | None, signed: bool, shown: str) -> None:
    assert show(value, 2, signed=signed) == shown


def test_intervals_and_the_star() -> None:
    assert show_interval(0.93, 0.9, 0.96, 2) == "0.93 [0.90, 0.96]"
    assert show_interval(0.93, None, None, 2) == "0.93"
    row = number(0.5, -0.4)._replace(metric="alignment")
    assert show_contrast(row).endswith("\\*")
    assert not show_contrast(row._replace(difference_high=0.0)).endswith("*")


def test_the_finding_names_the_best_and_counts_what_differs() -> None:
    finding = screened_finding(variants_of(LAYERS), layers())
    assert finding == (
        "Highest alignment: the baseline `hidden_layer=-2`, 0.90 [0.85, 0.95]; the 95 % interval "
        "of the paired difference to the baseline excludes 0 for 1 of 2 variants (1 lower, 0 "
        "higher)."
    )


def test_every_judge_is_told_in_words_and_has_words_that_it_knows() -> None:
    assert JUDGES.keys() == KNOWN_WORDS.keys() == set(get_args(JudgeName))


def test_equal_bests_are_all_named() -> None:
    finding = screened_finding(variants_of(LAYERS), layers(alignment=number(0.9, 0.0)))
    assert "the baseline `hidden_layer=-2` and `hidden_layer=-3`, 0.90" in finding


def test_a_rival_above_the_baseline_is_said_to_be_higher() -> None:
    finding = screened_finding(variants_of(LAYERS), layers(alignment=number(0.99, 0.09)))
    assert finding.startswith("Highest alignment: `hidden_layer=-3`, 0.99")
    assert "2 of 2 variants (1 lower, 1 higher)" in finding


def test_too_few_prompts_are_said() -> None:
    few = [row._replace(difference_low=None, difference_high=None) for row in layers()]
    assert "too few prompts" in screened_finding(variants_of(LAYERS), few)


def test_without_a_judge_distances_are_told_and_nothing_is_better() -> None:
    none = Summary("", "", "", "all", 0, None)
    rows = [row if row.metric != "alignment" else none._replace(
        variant=row.variant, phase="screen", metric="alignment") for row in layers()]  # fmt: skip
    finding = screened_finding(variants_of(LAYERS), rows)
    assert finding.startswith("Nearest to the baseline: `hidden_layer=-3`, LPIPS 0.100")
    assert "farthest: `hidden_layer=-1`" in finding and "neither is better" in finding


def test_one_variant_and_no_image_at_all() -> None:
    (only,) = variants_of({})
    rows = summarize(only.name, coverage=FULL, alignment=number(0.9), all_facts=number(0.75))
    assert screened_finding([only], rows) == (
        "The defaults reach alignment 0.90 [0.85, 0.95] (n = 64 prompts), every fact right in 75% "
        "of the pictures."
    )
    assert screened_finding([only], summarize(only.name)) == "No image could be scored."


def test_confirm_tells_the_rivals_difference() -> None:
    variants = variants_of(LAYERS)
    assert confirm_finding(variants, layers()) == "No contrast was named to be confirmed."
    confirmed = summarize(
        "hidden_layer=-1",
        "confirm",
        coverage=FULL._replace(num_prompts=128),
        alignment=number(0.5, -0.41),
        lpips=number(0.3),
    )
    finding = confirm_finding(variants, [*layers(), *confirmed])
    assert "`hidden_layer=-1` against the baseline `hidden_layer=-2` on 128 prompts" in finding
    assert "\N{MINUS SIGN}0.41 [\N{MINUS SIGN}0.46, \N{MINUS SIGN}0.36]" in finding
    assert "missing" not in finding


def test_missing_confirmed_pictures_are_told() -> None:
    variants = variants_of(LAYERS)
    failed = FULL._replace(mean=0.5, note="8 of 16 images: FloatingPointError: no")
    for missing in ("hidden_layer=-1", "hidden_layer=-2"):  # the rival's, the baseline's
        confirmed = [
            row
            for name in ("hidden_layer=-1", "hidden_layer=-2")
            for row in summarize(name, "confirm", coverage=failed if name == missing else FULL)
        ]
        finding = confirm_finding(variants, [*layers(), *confirmed])
        assert finding.endswith(" Pictures are missing in it, as the coverage says.")
        assert coverage_findings(variants, [*layers(), *confirmed]) == [
            f"`{missing}` (confirm) misses pictures: `8 of 16 images: FloatingPointError: no`."
        ]


def test_coverage_names_failures_and_identical_pictures() -> None:
    failed = FULL._replace(mean=0.9, note="6 of 64 images: RuntimeError: `no`")
    rows = layers(coverage=failed, identical=number(0.5))
    said = coverage_findings(variants_of(LAYERS), rows)
    assert said == [
        "`hidden_layer=-3` (screen) misses pictures: `6 of 64 images: RuntimeError: 'no'`.",
        "`hidden_layer=-3`: 50% of the screened pictures equal the baseline's in every pixel.",
    ]
    lacking = layers(coverage=FULL._replace(mean=None, note="not available: x"))
    assert coverage_findings(variants_of(LAYERS), lacking) == [
        "`hidden_layer=-3` (screen): `not available: x`."
    ]
    assert coverage_findings(variants_of(LAYERS), layers()) == [
        "Every picture asked for was made and scored."
    ]


def test_table_marks_what_has_no_number() -> None:
    rows = layers(
        coverage=FULL._replace(mean=None, note="not available: x"),
        alignment=Summary("", "", "", "all", 0, None),
        lpips=Summary("", "", "", "all", 0, None),
    )
    lines = main_table(variants_of(LAYERS), index_screened(rows)).splitlines()
    assert lines[0] == "| variant | alignment\N{NO-BREAK SPACE}↑ | difference | lpips | coverage |"
    assert lines[-1].endswith("| \N{EN DASH} | \N{EN DASH} | \N{EN DASH} | not available |")
    assert lines[3].startswith("| **`hidden_layer=-2`** (baseline) | 0.90 [0.85, 0.95] |")


def test_chance_stands_below_the_variants_in_tables_of_alignment() -> None:
    chance = [
        row._replace(variant=SWAPPED_PROMPTS)
        for row in summarize("", alignment=number(0.31, -0.59))
        if row.mean is not None
    ]
    by_category = [row._replace(category="object") for row in [*layers(), *chance]]
    index = index_screened([*layers(), *chance, *by_category])
    for table in (
        main_table(variants_of(LAYERS), index),
        metric_table(variants_of(LAYERS), "alignment", index),
        category_table(variants_of(LAYERS), "alignment", index),
    ):
        assert table.splitlines()[-1].startswith(f"| {CHANCE} | 0.31 [0.26, 0.36] |")
    assert CHANCE not in metric_table(variants_of(LAYERS), "lpips", index)
    assert CHANCE not in main_table(variants_of(LAYERS), index_screened(layers()))


def test_words_stand_to_the_left_and_numbers_to_the_right() -> None:
    rows = [
        [
            "A2",
            "some words",
            "0.93 [0.90, 0.96]",
            "\N{MINUS SIGN}1.0\N{NO-BREAK SPACE}\\*",
            "\N{EN DASH}",
        ],
        ["3", "2 of them", "\N{EN DASH}", "+0.5", "nano only"],
    ]
    sides = markdown_table(["row", "claim", "mean", "difference", "carries"], rows).splitlines()[1]
    assert sides == "| --- | --- | ---: | ---: | --- |"


def test_psnr_says_how_many_pictures_it_is_of() -> None:
    some = layers(psnr=number(30.0)._replace(num_prompts=4), identical=number(0.9))
    assert "30.0 (n = 4)" in main_table(variants_of(LAYERS), index_screened(some))
    every = layers(identical=number(1.0), psnr=Summary("", "", "", "all", 0, None))
    other = [*every, *summarize("hidden_layer=-1", coverage=FULL, psnr=number(20.0))]
    assert "| identical |" in main_table(variants_of(LAYERS), index_screened(other))


PAGE = """# A <title>

- [one](#one_two)

## one_two

![alt](figures/x/grid.png)

| a | b |
| --- | ---: |
| `x` | 1 \\* |

<details markdown="1">
<summary>more</summary>

| c |
| --- |
| 2 |

</details>
"""


def test_page_is_one_file_with_anchors_and_scrolling_boxes() -> None:
    page = render_page(PAGE)
    assert "<title>A &lt;title&gt;</title>" in page
    assert 'id="one_two"' in page and 'href="#one_two"' in page
    assert page.count('<div class="wide">') == 3
    assert page.count("<table>") == page.count("</table></div>") == 2
    assert not re.search(r'(src|href)="(https?:)?//', page) and "<script" not in page
    assert page == render_page(PAGE)
