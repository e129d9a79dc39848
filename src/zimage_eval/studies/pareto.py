"""Which variants may be on the front of quality against cost, with what the prompts leave open.

A variant is on the front if no other of at most its cost is truly better. Costs are exact (forwards
are counted), so only quality is uncertain. Dropping a variant takes a max-t test against all that
cost no more (`argmax_sets`), keeping it beyond doubt takes a lead over each of them; both are
corrected over the variants (Holm), so that the whole picture is wrong in at most 5 % a side.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from zimage_eval.metrics.catalogue import METRICS
from zimage_eval.output.tables import TableRow
from zimage_eval.statistics.argmax_sets import NUM_DRAWS, highest_p_value
from zimage_eval.statistics.estimates import CONFIDENCE, Unit, prompt_means
from zimage_eval.statistics.multiplicity import holm
from zimage_eval.statistics.studentized import mean_test

Status = Literal["on_front", "may_be_on_front", "dominated", "unresolved"]


class FrontMember(NamedTuple):
    """A variant in the picture of quality against cost."""

    variant: str
    cost: float
    mean: float
    """Quality over the prompts that all variants have."""
    status: Status
    """On the front: no other of at most its cost is truly better. Unresolved: too few prompts, or
    they agree too exactly."""
    p_on_front: float | None
    """Adjusted, against "it is on the front"; None where unresolved."""


def pareto_front(
    qualities: Mapping[str, Sequence[float]],
    costs: Mapping[str, float],
    bounds: tuple[float, float] | None,
    num_draws: int = NUM_DRAWS,
) -> list[FrontMember]:
    """Every variant's place, in the order of `qualities`.

    Args:
        qualities: variant -> score, higher is better, of the same prompts in the same order.
        costs: of each of them, exact; lower is better.
        bounds: (-1, 1) where the differences are those of shares of facts, else None.
        num_draws: of the bootstraps.

    Raises:
        ValueError: no prompts, or unequal numbers of them.
    """
    sizes = {len(values) for values in qualities.values()}
    if len(sizes) != 1 or not sizes.isdisjoint({0}):
        raise ValueError(f"the variants need the same prompts, not {sorted(sizes)} of them")
    dropping, keeping = {}, {}
    for name in qualities:
        rivals = [o for o in qualities if o != name and costs[o] <= costs[name]]
        dropping[name], keeping[name] = _tests(name, rivals, qualities, bounds, num_draws)
    p_on, p_off = _adjust(dropping), _adjust(keeping)
    return [
        FrontMember(
            name,
            costs[name],
            sum(values) / len(values),
            _status(p_on[name], p_off[name]),
            p_on[name],
        )
        for name, values in qualities.items()
    ]


def study_front(
    rows: Sequence[TableRow], variants: Sequence[str], metric: str | None
) -> list[FrontMember]:
    """The front of a study's screened rows by forwards an image.

    Empty where all variants cost the same, where the metric has no better end, and without prompts
    that all variants have. Forwards are compared as they are: pictures of another size cost more by
    their area, which they don't tell.

    Args:
        rows: of the score table.
        variants: in the order of the study.
        metric: what quality is; None for none.
    """
    properties = METRICS[metric] if metric else None
    if metric is None or properties is None or properties.better is None:
        return []
    sign = 1.0 if properties.better == "higher" else -1.0
    qualities = shared_qualities(rows, variants, metric, sign)
    forwards = shared_qualities(rows, list(qualities), "num_forwards", 1.0)
    costs = {variant: float(np.mean(values)) for variant, values in forwards.items()}
    if len(set(costs.values())) < 2:
        return []
    return pareto_front(qualities, costs, (-1.0, 1.0) if properties.is_judged else None)


def shared_qualities(
    rows: Sequence[TableRow], variants: Sequence[str], metric: str, sign: float
) -> dict[str, list[float]]:
    """Variant -> mean over seeds a prompt times `sign`, of the screened prompts that all have.

    Variants without a single score are left out.
    """
    means: dict[str, dict[str, float]] = {}
    for variant in variants:
        scores: dict[Unit, float | None] = {
            (row["prompt_id"], row["seed"]): row[metric]
            for row in rows
            if row["variant"] == variant and row["phase"] == "screen"
        }
        if found := prompt_means(scores):
            means[variant] = found
    shared = sorted(set.intersection(*map(set, means.values()))) if means else []
    return {name: [sign * found[p] for p in shared] for name, found in means.items() if shared}


def front_results(front: Sequence[FrontMember]) -> dict[str, dict[str, float | None]]:
    """Variant -> whether it is, or may be, on the front (1 or 0; None where unresolved)."""
    return {
        one.variant: {
            "on_front": None if one.status == "unresolved" else float(one.status == "on_front"),
            "may_be_on_front": (
                None if one.status == "unresolved" else float(one.status != "dominated")
            ),
        }
        for one in front
    }


def _tests(
    name: str,
    rivals: Sequence[str],
    qualities: Mapping[str, Sequence[float]],
    bounds: tuple[float, float] | None,
    num_draws: int,
) -> tuple[float | None, float | None]:
    """P-values against being on the front, and against not being on it."""
    if not rivals:
        return 1.0, 0.0  # nothing costs as little
    chosen = {each: qualities[each] for each in (name, *rivals)}
    p_on = highest_p_value(name, chosen, bounds, num_draws)
    leads = [
        mean_test(
            [a - b for a, b in zip(qualities[name], qualities[o], strict=True)], bounds, num_draws
        )
        for o in rivals
    ]
    p_leads = [None if pivot is None else pivot.p_above(0.0) for pivot in leads]
    known = [p for p in p_leads if p is not None]
    return p_on, max(known) if len(known) == len(p_leads) else None


def _adjust(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    known = {name: p for name, p in p_values.items() if p is not None}
    adjusted = dict(zip(known, holm(list(known.values())), strict=True))
    return {name: adjusted.get(name) for name in p_values}


def _status(p_on: float | None, p_off: float | None) -> Status:
    if p_on is None or p_off is None:
        return "unresolved"
    level = 1 - CONFIDENCE
    if p_on <= level:
        return "dominated"
    return "on_front" if p_off <= level else "may_be_on_front"
