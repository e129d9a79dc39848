"""How often a judge says what people say of the same facts of the same pictures."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from zimage_eval.metrics.judges.hand_labels import HandLabels
from zimage_eval.output.tables import TableRow
from zimage_eval.statistics.estimates import Estimate, estimate


class SharedFact(NamedTuple):
    """A fact that both have looked at."""

    image: str
    kind: str
    judge: bool
    hand: bool


class JudgeError(NamedTuple):
    """A judge beside people."""

    num_images: int
    num_facts: int
    both_held: int
    judge_alone: int
    """Facts that the judge sees and people don't."""
    hand_alone: int
    """Facts that people see and the judge doesn't."""
    neither_held: int
    agreement: Estimate
    """Share of an image's facts on which they agree, mean over images with its 95 % interval; the
    facts of one picture are not independent."""
    kappa: float | None
    """Cohen's: agreement of all facts beyond chance; None where one of the two always says the
    same."""


def shared_facts(facts: Iterable[TableRow], labels: HandLabels) -> list[SharedFact]:
    """What both looked at, each fact of each picture once.

    Args:
        facts: rows of FACTS tables; one picture may stand in several studies.
        labels: of people.
    """
    found = {}
    for row in facts:
        hand = labels.get(row["image"], {}).get(row["fact"])
        if hand is not None:
            kind = row["fact"].partition(" ")[0]
            found[row["image"], row["fact"]] = SharedFact(
                image=row["image"], kind=kind, judge=row["held"], hand=hand
            )
    return [found[key] for key in sorted(found)]


def judge_errors(shared: Iterable[SharedFact]) -> dict[str, JudgeError]:
    """The judge's error over all facts, under `all`, and by kind of fact."""
    by_kind: dict[str, list[SharedFact]] = {"all": []}
    for fact in shared:
        by_kind["all"].append(fact)
        by_kind.setdefault(fact.kind, []).append(fact)
    return {kind: _error(members) for kind, members in by_kind.items()}


def _error(facts: list[SharedFact]) -> JudgeError:
    by_image: dict[str, list[bool]] = {}
    for fact in facts:
        by_image.setdefault(fact.image, []).append(fact.judge == fact.hand)
    both, judge, hand, neither = (
        sum((fact.judge, fact.hand) == pair for fact in facts)
        for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    return JudgeError(
        num_images=len(by_image),
        num_facts=len(facts),
        both_held=both,
        judge_alone=judge,
        hand_alone=hand,
        neither_held=neither,
        agreement=estimate([float(np.mean(each)) for each in by_image.values()], bounds=(0, 1)),
        kappa=_kappa(both, judge, hand, neither),
    )


def _kappa(both: int, judge: int, hand: int, neither: int) -> float | None:
    total = both + judge + hand + neither
    if total == 0:
        return None
    share_judge, share_hand = (both + judge) / total, (both + hand) / total
    chance = share_judge * share_hand + (1 - share_judge) * (1 - share_hand)
    return None if chance == 1 else ((both + neither) / total - chance) / (1 - chance)


def judge_results(errors: Mapping[str, JudgeError]) -> dict[str, dict[str, float | None]]:
    """Kind of fact -> name -> number, for the results' JSON."""
    return {
        kind: {
            "num_images": error.num_images,
            "num_facts": error.num_facts,
            "both_held": error.both_held,
            "judge_alone": error.judge_alone,
            "hand_alone": error.hand_alone,
            "neither_held": error.neither_held,
            "agreement": error.agreement.mean,
            "agreement_low": error.agreement.low,
            "agreement_high": error.agreement.high,
            "kappa": error.kappa,
        }
        for kind, error in errors.items()
    }
