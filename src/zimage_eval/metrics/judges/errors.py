"""A judge's error: how often it agrees with people about the same facts of the same pictures."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from zimage_eval.metrics.judges.hand_labels import HandLabels
from zimage_eval.output.tables import TableRow
from zimage_eval.statistics.estimates import Estimate, estimate


class SharedFact(NamedTuple):
    """A fact of a picture that both the judge and people have judged."""

    image: str
    kind: str
    judge: bool
    """Whether the fact holds, according to the judge."""
    hand: bool
    """The same, according to people."""


class JudgeError(NamedTuple):
    """How the judgements of a judge and of people compare."""

    num_images: int
    num_facts: int
    both_held: int
    judge_alone: int
    """Number of facts that hold for the judge only."""
    hand_alone: int
    """Number of facts that hold for people only."""
    neither_held: int
    agreement: Estimate
    """Share of an image's facts on which they agree: mean over images and its 95 % interval. Facts
    of one picture are not independent, images are."""
    kappa: float | None
    """Cohen's kappa: agreement on all facts beyond chance; None where it is undefined, because both
    always give the same answer."""


def shared_facts(facts: Iterable[TableRow], labels: HandLabels) -> list[SharedFact]:
    """The facts that both have judged, each fact of each picture once.

    Args:
        facts: rows of FACTS tables; a picture may be in several studies.
        labels: the judgements of people.
    """
    shared = {}
    for row in facts:
        hand = labels.get(row["image"], {}).get(row["fact"])
        if hand is not None:
            kind = row["fact"].partition(" ")[0]
            shared[row["image"], row["fact"]] = SharedFact(
                image=row["image"], kind=kind, judge=row["held"], hand=hand
            )
    return [shared[key] for key in sorted(shared)]


def judge_errors(shared: Iterable[SharedFact]) -> dict[str, JudgeError]:
    """Kind of fact -> the judge's error; under `all`, over all facts."""
    by_kind: dict[str, list[SharedFact]] = {"all": []}
    for fact in shared:
        by_kind["all"].append(fact)
        by_kind.setdefault(fact.kind, []).append(fact)
    return {kind: _error(members) for kind, members in by_kind.items()}


def _error(facts: list[SharedFact]) -> JudgeError:
    by_image: dict[str, list[bool]] = {}
    for fact in facts:
        by_image.setdefault(fact.image, []).append(fact.judge == fact.hand)
    both_held, judge_alone, hand_alone, neither_held = (
        sum((fact.judge, fact.hand) == pair for fact in facts)
        for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    shares = [float(np.mean(agreements)) for agreements in by_image.values()]
    return JudgeError(
        num_images=len(by_image),
        num_facts=len(facts),
        both_held=both_held,
        judge_alone=judge_alone,
        hand_alone=hand_alone,
        neither_held=neither_held,
        agreement=estimate(shares, bounds=(0, 1)),
        kappa=_kappa(both_held, judge_alone, hand_alone, neither_held),
    )


def _kappa(both_held: int, judge_alone: int, hand_alone: int, neither_held: int) -> float | None:
    total = both_held + judge_alone + hand_alone + neither_held
    if total == 0:
        return None
    share_judge = (both_held + judge_alone) / total
    share_hand = (both_held + hand_alone) / total
    chance = share_judge * share_hand + (1 - share_judge) * (1 - share_hand)
    agreement = (both_held + neither_held) / total
    return None if chance == 1 else (agreement - chance) / (1 - chance)


def judge_results(errors: Mapping[str, JudgeError]) -> dict[str, dict[str, float | None]]:
    """Kind of fact -> name of the number -> number, for the JSON file of the results."""
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
