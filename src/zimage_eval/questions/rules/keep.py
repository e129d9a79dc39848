"""The rule `keep`: the recommended level stays, by what its rivals gain and what they cost."""

from zimage_eval.questions.rules.comparison import Comparison, Ladder, Rule, Tests
from zimage_eval.statistics.levels import Cost, Rival, keep_p_value, keep_words


def climb_keep(comparison: Comparison, tests: Tests) -> Ladder:
    """The words on "keep the baseline?"."""
    margin = comparison.margin
    rivals = {name: Rival(test, _cost(comparison, name)) for name, test in tests.items()}
    # Half of the level each, as in `keep_words`.
    against = {name: 2 * keep_p_value(rival, margin) for name, rival in rivals.items()}
    return Ladder(
        rungs=keep_words(rivals, margin),
        closest=max(against, key=lambda name: (against[name], tests[name].mean)),
        number_of=dict.fromkeys(("change", "keep_or_change"), ""),  # the first that is named
        leaves_open=against,
    )


def _cost(comparison: Comparison, rival: str) -> Cost:
    costs = comparison.costs
    if rival not in costs or costs[rival] == costs[comparison.baseline]:
        return "equal"
    return "cheaper" if costs[rival] < costs[comparison.baseline] else "dearer"


KEEP = Rule(
    hypothesis="the baseline stays: nothing dearer is better by the margin, nothing else is better",
    yes=("keep", "keep_or_change"),
    no=("change",),
    climb=climb_keep,
    need_all=("keep", "keep_or_change"),
)
