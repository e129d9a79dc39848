"""The rules `best_by_kind` and `some_kinds_gain`: whether one level serves every kind of prompt."""

from zimage_eval.questions.rules.comparison import Comparison, Ladder, Rule, Tests
from zimage_eval.statistics.argmax_sets import argmax_p_values
from zimage_eval.statistics.best_by_kind import (
    GainsByKind,
    best_by_kind,
    gains_by_kind,
    kinds_that_gain,
)
from zimage_eval.statistics.words import LEVEL

TOO_FEW = "no two kinds of prompts have enough that are scored in all levels"
TOO_EQUAL = "levels agree too exactly within a kind of prompts"
SOME_KINDS = ("more", "less", "size_open")


def climb_best_by_kind(comparison: Comparison, tests: Tests) -> Ladder | str:
    """The words on "does the best level depend on the kind?"."""
    if len(tests) < len(comparison.contrasts):
        return "a level was not measured"  # it may serve every kind
    table = _table(comparison, tests)
    if table is None:
        return TOO_FEW
    rungs = best_by_kind(table, comparison.margin)
    if rungs is None:
        return TOO_EQUAL
    return Ladder(rungs=rungs, sets=_sets(table), is_by_kind=True)


def climb_some_kinds_gain(comparison: Comparison, tests: Tests) -> Ladder | str:
    """The words on "do some kinds gain from another level than the baseline?"."""
    table = _table(comparison, tests)
    if table is None:
        return TOO_FEW
    rungs = kinds_that_gain(table, comparison.baseline, comparison.margin)
    if rungs is None:
        return TOO_EQUAL
    return Ladder(rungs=rungs, sets=_sets(table), is_by_kind=True)


def _table(comparison: Comparison, tests: Tests) -> GainsByKind | None:
    gains = comparison.gains_of_levels(tests)
    return gains_by_kind(gains, comparison.categories, comparison.contrasts[0].bounds)


def _sets(table: GainsByKind) -> dict[str, tuple[str, ...]]:
    """Kind -> levels that may be the best in it, each with 95 %; all where levels are equal."""
    sets = {}
    for kind, scores in table.kinds.items():
        columns = {level: scores[:, at].tolist() for at, level in enumerate(table.levels)}
        p_values = argmax_p_values(columns, table.bounds)
        sets[kind] = tuple(
            level for level in table.levels if p_values is None or p_values[level] > LEVEL
        )
    return sets


BEST_BY_KIND = Rule(
    hypothesis="which level is best depends on the kind of prompt",
    yes=SOME_KINDS,
    no=("no",),
    climb=climb_best_by_kind,
)
SOME_KINDS_GAIN = Rule(
    hypothesis="some kinds of prompts gain from a rival over the baseline",
    yes=SOME_KINDS,
    no=("no",),
    climb=climb_some_kinds_gain,
    need_all=("less", "no"),
)
