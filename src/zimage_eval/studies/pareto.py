"""Pareto fronts of quality against cost, with p-values for each variant's place on the front.

A variant is on the front if no other variant of at most its cost is truly better. Costs are exact
(forwards are counted), so only quality is uncertain. A variant leaves the front by a max-t test
against all variants that cost no more (`argmax_sets`). It is on the front beyond doubt if it is
significantly better than each of them. Both kinds of p-values are corrected over the variants
(Holm), so that the whole picture has an error of at most 5 % on each side.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from zimage_eval.config.metrics import METRICS
from zimage_eval.output.tables import means_by_prompt, variant_scores
from zimage_eval.statistics.argmax_sets import NUM_DRAWS, highest_p_value
from zimage_eval.statistics.estimates import CONFIDENCE
from zimage_eval.statistics.multiplicity import holm
from zimage_eval.statistics.studentized import mean_test

Status = Literal["on_front", "may_be_on_front", "dominated", "unresolved"]


class FrontMember(NamedTuple):
    """A variant and its place in the comparison of quality against cost."""

    variant: str
    cost: float
    mean: float
    """Mean quality over the prompts that all variants have."""
    status: Status
    """`on_front`: no other variant of at most its cost is truly better. `unresolved`: there are too
    few prompts, or they differ too little."""


def pareto_front(
    qualities: Mapping[str, Sequence[float]],
    costs: Mapping[str, float],
    bounds: tuple[float, float] | None,
    num_draws: int = NUM_DRAWS,
) -> list[FrontMember]:
    """The place of every variant, in the order of `qualities`.

    Args:
        qualities: variant -> one score per prompt, higher is better; all variants have the same
            prompts in the same order.
        costs: variant -> exact cost; lower is better.
        bounds: range of a difference of scores, (-1, 1) for shares of facts; None if unbounded.
        num_draws: number of bootstrap draws.

    Raises:
        ValueError: no prompts, or unequal numbers of them.
    """
    sizes = {len(values) for values in qualities.values()}
    if len(sizes) != 1 or not sizes.isdisjoint({0}):
        raise ValueError(
            f"all variants need the same prompts, at least one; they have {sorted(sizes)} prompts"
        )
    dropping, keeping = {}, {}
    for name in qualities:
        rivals = [rival for rival in qualities if rival != name and costs[rival] <= costs[name]]
        dropping[name], keeping[name] = _p_values(name, rivals, qualities, bounds, num_draws)
    p_on, p_off = _adjust(dropping), _adjust(keeping)
    return [
        FrontMember(
            variant=name,
            cost=costs[name],
            mean=sum(values) / len(values),
            status=_status(p_on[name], p_off[name]),
        )
        for name, values in qualities.items()
    ]


def study_front(
    scores: pd.DataFrame, variants: Sequence[str], metric: str | None
) -> list[FrontMember]:
    """The front of a study in the screening phase, with forwards per image as cost.

    Empty if all variants cost the same, if neither end of the metric's scale is better, or if no
    prompt has scores in all variants. The size of an image is not part of the cost, although the
    forwards of a larger image take longer.

    Args:
        scores: a score table.
        variants: names in the order of the study.
        metric: the metric that is taken as quality; None gives an empty front.
    """
    properties = METRICS[metric] if metric else None
    if metric is None or properties is None or properties.better is None:
        return []
    sign = 1.0 if properties.better == "higher" else -1.0
    qualities = shared_qualities(scores, variants, metric, sign)
    forwards = shared_qualities(scores, list(qualities), "num_forwards", 1.0)
    costs = {variant: float(np.mean(values)) for variant, values in forwards.items()}
    if len(set(costs.values())) < 2:
        return []
    return pareto_front(qualities, costs, (-1.0, 1.0) if properties.is_judged else None)


def shared_qualities(
    scores: pd.DataFrame, variants: Sequence[str], metric: str, sign: float
) -> dict[str, list[float]]:
    """Variant -> for each prompt the mean over its seeds, times `sign`, in the screening phase.

    Variants without any score are left out; prompts are those that all other variants have, sorted
    by id.
    """
    rows = variant_scores(scores, "screen")
    means = {
        variant: means_by_prompt(rows[variant], [metric])[metric].dropna()
        for variant in variants
        if variant in rows
    }
    scored = {variant: by_prompt for variant, by_prompt in means.items() if len(by_prompt)}
    if not scored:
        return {}
    shared = sign * pd.concat(scored, axis="columns", join="inner").sort_index()
    return {name: shared[name].tolist() for name in scored if len(shared)}


def front_results(front: Sequence[FrontMember]) -> dict[str, dict[str, float | None]]:
    """Variant -> whether it is and whether it may be on the front: 1 or 0, None if unresolved."""
    return {
        member.variant: {
            "on_front": None
            if member.status == "unresolved"
            else float(member.status == "on_front"),
            "may_be_on_front": (
                None if member.status == "unresolved" else float(member.status != "dominated")
            ),
        }
        for member in front
    }


def _p_values(
    name: str,
    rivals: Sequence[str],
    qualities: Mapping[str, Sequence[float]],
    bounds: tuple[float, float] | None,
    num_draws: int,
) -> tuple[float | None, float | None]:
    """P-values against being on the front, and against not being on it."""
    if not rivals:
        return 1.0, 0.0  # no other variant costs as little
    chosen = {variant: qualities[variant] for variant in (name, *rivals)}
    p_on = highest_p_value(name, chosen, bounds, num_draws)
    leads = [
        mean_test(
            [a - b for a, b in zip(qualities[name], qualities[rival], strict=True)],
            bounds,
            num_draws,
        )
        for rival in rivals
    ]
    p_leads = [None if test is None else test.p_above(0.0) for test in leads]
    p_resolved = [p for p in p_leads if p is not None]
    return p_on, max(p_resolved) if len(p_resolved) == len(p_leads) else None


def _adjust(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    resolved = {name: p for name, p in p_values.items() if p is not None}
    adjusted = dict(zip(resolved, holm(list(resolved.values())), strict=True))
    return {name: adjusted.get(name) for name in p_values}


def _status(p_on: float | None, p_off: float | None) -> Status:
    if p_on is None or p_off is None:
        return "unresolved"
    level = 1 - CONFIDENCE
    if p_on <= level:
        return "dominated"
    return "on_front" if p_off <= level else "may_be_on_front"
