"""Missing pairs are found as interactions, and as rarely as promised where there are none."""

import pytest

from tests.support.fakes.fake_concepts import COLORS, grid
from zimage_eval.benchmarks.concepts.gaps import ConceptPair, Gap, find_gaps


def flagged(gaps: list[Gap]) -> set[ConceptPair]:
    return {gap.cell for gap in gaps if gap.p_value is not None and gap.p_value < 0.05}


def test_pairs_that_are_never_shown_are_found_with_six_pictures_each() -> None:
    missing = (("a", "r"), ("d", "u"))
    for seed in range(5):
        assert flagged(find_gaps(grid({}, 6, seed, missing))) == set(missing)


def test_a_hard_name_is_no_missing_pair() -> None:
    """Nor is any of its pairs: none is worse than the name is."""
    assert flagged(find_gaps(grid({"b": 0.0, "c": 0.3}, 4, 0))) == set()


def test_a_pair_that_a_hard_name_lacks_is_expected() -> None:
    gaps = {gap.cell: gap for gap in find_gaps(grid({"b": 0.1}, 6, 1, (("a", "r"), ("b", "r"))))}
    assert gaps["a", "r"].expected is not None and gaps["a", "r"].expected > 0.7
    assert gaps["b", "r"].expected is not None and gaps["b", "r"].expected < 0.4


@pytest.mark.slow
def test_false_flags_are_as_rare_as_promised() -> None:
    tables = 150
    wrong = sum(
        bool(flagged(find_gaps(grid({"b": 0.5, "c": 0.8}, 4, seed)))) for seed in range(tables)
    )
    assert wrong <= 0.05 * tables + 3 * (0.05 * 0.95 * tables) ** 0.5


def test_expectation_comes_from_the_other_cells() -> None:
    """The cell itself says at most how much names and colors differ."""
    held = grid({}, 4, 3)
    before = {gap.cell: gap.expected for gap in find_gaps(held)}
    held["a", "r"] = [not value for value in held["a", "r"]]
    after = {gap.cell: gap.expected for gap in find_gaps(held)}
    moved = {
        cell: (before[cell] or 0) - (after[cell] or 0)
        for cell in (("a", "r"), ("a", "s"), ("b", "r"))
    }
    assert abs(moved["a", "r"]) < 0.01
    assert moved["a", "s"] > 0.02 and moved["b", "r"] > 0.02


def test_names_that_no_picture_shows_say_nothing() -> None:
    """Nor do they count among the pairs that are corrected for."""
    held = grid({}, 6, 5, (("a", "r"),))
    undrawn = {(name, color): [False] * 6 for name in "xyz" for color in COLORS}
    alone, beside = find_gaps(held), find_gaps(held | undrawn)
    assert beside[: len(alone)] == alone
    assert all(gap.share == 0 and gap.expected is gap.p_value is None for gap in beside[-27:])


def test_a_pair_of_an_uncertain_name_is_found_where_colors_hardly_differ() -> None:
    """Eight pictures of a name that is drawn four times in five, with two names unknown."""
    shares = {"a": 0.8, "b": 0.0, "c": 0.0}
    found = sum(
        ("a", "r") in flagged(find_gaps(grid(shares, 8, seed, (("a", "r"),)))) for seed in range(10)
    )
    assert found >= 8


def test_cells_without_judged_pictures_have_no_numbers() -> None:
    held = grid({}, 4, 4)
    held["a", "r"] = []
    gaps = {gap.cell: gap for gap in find_gaps(held)}
    assert gaps["a", "r"] == Gap(("a", "r"), 0, None, None, None)
    assert gaps["a", "s"].p_value is not None
    nothing = find_gaps({cell: [] for cell in held})
    assert all(gap.share is gap.expected is gap.p_value is None for gap in nothing)
