"""Which level of a setting: keep the recommended one or change it; inside a range or outside."""

from collections.abc import Collection, Mapping
from typing import Literal, NamedTuple

from zimage_eval.statistics.multiplicity import holm
from zimage_eval.statistics.studentized import MeanTest
from zimage_eval.statistics.words import Rung

Cost = Literal["cheaper", "equal", "dearer"]


class Rival(NamedTuple):
    """Another level than the recommended one."""

    test: MeanTest
    """Of its gains over the recommended level."""
    cost: Cost
    """In forwards an image, which are known exactly."""


def keep_words(rivals: Mapping[str, Rival], margin: float) -> tuple[Rung, ...]:
    """The words on "keep the recommended level?".

    Keeping is right if no rival gains the margin or more and no cheaper one gains at all or
    equals it; changing to a rival is right if that gains the margin, or anything at no more cost,
    or loses less than the margin for a lower cost. Between those borders both are right, and both
    are said. Each may be wrong for the same truth, so each gets half of the level.

    Args:
        rivals: one or more.
        margin: what matters, above 0.

    Returns:
        `keep_or_change`: both. `keep`. `change`. What is changed to is named, by the largest mean
        among those that are shown.
    """
    if not rivals:
        raise ValueError("no rival to compare")
    keep = 2 * max(keep_p_value(rival, margin) for rival in rivals.values())
    shown = holm([_change_p_value(rival, margin) for rival in rivals.values()])
    by_mean = sorted(
        ((name, 2 * p_value) for name, p_value in zip(rivals, shown, strict=True)),
        key=lambda pair: -rivals[pair[0]].test.mean,
    )
    change = min(p_value for _, p_value in by_mean)
    return (
        Rung("keep_or_change", max(keep, change), True, tuple(by_mean)),
        Rung("keep", keep, True),
        Rung("change", change, True, tuple(by_mean)),
    )


def left_open(rivals: Mapping[str, Rival], margin: float, level: float) -> tuple[str, ...]:
    """The rivals because of which "keep" can't be said at a level."""
    return tuple(name for name, rival in rivals.items() if 2 * keep_p_value(rival, margin) > level)


def range_words(p_values: Mapping[str, float], inside: Collection[str]) -> tuple[Rung, ...]:
    """The words on "is the best level among these?"; open is: the set straddles the border.

    The true best is inside or outside, so only one of the two words can be wrong.

    Args:
        p_values: of each level, against "its mean is the highest" (`argmax_p_values`).
        inside: levels of the closed range.

    Returns:
        `inside`: every level outside is excluded. `outside`: every level inside is. Named are the
        levels that may be the best, from the level on at which they are excluded no more.

    Raises:
        ValueError: no level is inside, or none outside.
    """
    within = [p_values[level] for level in p_values if level in inside]
    beyond = [p_values[level] for level in p_values if level not in inside]
    if not within or not beyond:
        raise ValueError(f"levels inside: {len(within)}, outside: {len(beyond)}; both are needed")
    return (Rung("inside", max(beyond), True), Rung("outside", max(within), True))


def keep_p_value(rival: Rival, margin: float) -> float:
    """Against "this rival is better enough that the recommended level should go"."""
    return rival.test.p_below(0.0 if rival.cost == "cheaper" else margin)


def _change_p_value(rival: Rival, margin: float) -> float:
    """Against "this rival is not good enough to change to"."""
    nulls = {"cheaper": -margin, "equal": 0.0, "dearer": margin}
    return rival.test.p_above(nulls[rival.cost])
