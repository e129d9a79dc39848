"""All rules, by the name that questions/*.yaml write."""

from collections.abc import Mapping

from zimage_eval.questions.rules.best_by_kind import BEST_BY_KIND, SOME_KINDS_GAIN
from zimage_eval.questions.rules.comparison import Rule
from zimage_eval.questions.rules.differs import DIFFERS, NO_DIFFERENCE
from zimage_eval.questions.rules.effect_varies import EFFECT_VARIES
from zimage_eval.questions.rules.gains import ALL_BETTER, ALL_WORSE, SOME_BETTER, SOME_WORSE
from zimage_eval.questions.rules.grids import BEST_OF_GRID, IN_RANGE
from zimage_eval.questions.rules.interaction import INTERACTION
from zimage_eval.questions.rules.keep import KEEP
from zimage_eval.questions.rules.shifted import HIGHER, LOWER

RULES: Mapping[str, Rule] = {
    "keep": KEEP,
    "some_better": SOME_BETTER,
    "all_better": ALL_BETTER,
    "some_worse": SOME_WORSE,
    "all_worse": ALL_WORSE,
    "differs": DIFFERS,
    "no_difference": NO_DIFFERENCE,
    "higher": HIGHER,
    "lower": LOWER,
    "best_by_kind": BEST_BY_KIND,
    "some_kinds_gain": SOME_KINDS_GAIN,
    "effect_varies": EFFECT_VARIES,
    "best_of_grid": BEST_OF_GRID,
    "in_range": IN_RANGE,
    "interaction": INTERACTION,
}
"""A new rule is a file of this folder and a line here."""
