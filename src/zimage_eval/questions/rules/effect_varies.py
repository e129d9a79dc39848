"""The rule `effect_varies`: the size of one rival's effect depends on the kind of prompt."""

from zimage_eval.questions.rules.comparison import Comparison, Ladder, Rule, Tests, renamed
from zimage_eval.statistics.best_by_kind import effect_varies


def climb_effect_varies(comparison: Comparison, tests: Tests) -> Ladder | str:
    """The words on "does the size of this effect depend on the kind?".

    Raises:
        ValueError: several rivals, so that there is no one effect.
    """
    if len(comparison.contrasts) != 1:
        raise ValueError(f"effect_varies is about one rival, not {len(comparison.contrasts)}")
    (contrast,) = comparison.contrasts
    rungs = effect_varies(
        contrast.gains_by_prompt, comparison.categories, comparison.margin, contrast.bounds
    )
    if rungs is None:
        return "no two kinds of prompts have enough with a score"
    return Ladder(
        rungs=renamed(rungs, {"no": "same_for_all"}),
        closest=contrast.variant,
        is_by_kind=True,
    )


EFFECT_VARIES = Rule(
    hypothesis="the effect of a rival depends on the kind of prompt",
    yes=("more", "less", "size_open"),
    no=("same_for_all",),
    climb=climb_effect_varies,
    needs_direction=False,
)
