"""All rules, by the name that questions/*.yaml write."""

from collections.abc import Mapping

from zimage_eval.questions.rules.baseline_best import BASELINE_BEST
from zimage_eval.questions.rules.best_of_grid import BEST_OF_GRID
from zimage_eval.questions.rules.comparison import Rule
from zimage_eval.questions.rules.depends_on_category import DEPENDS_ON_CATEGORY
from zimage_eval.questions.rules.interaction import INTERACTION
from zimage_eval.questions.rules.no_difference import NO_DIFFERENCE
from zimage_eval.questions.rules.shifted import HIGHER, LOWER
from zimage_eval.questions.rules.some_better import SOME_BETTER

RULES: Mapping[str, Rule] = {
    "baseline_best": BASELINE_BEST,
    "some_better": SOME_BETTER,
    "no_difference": NO_DIFFERENCE,
    "best_of_grid": BEST_OF_GRID,
    "higher": HIGHER,
    "lower": LOWER,
    "depends_on_category": DEPENDS_ON_CATEGORY,
    "interaction": INTERACTION,
}
"""A new rule is a file of this folder and a line here."""
