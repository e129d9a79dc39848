"""Observations of a benchmark -> a row for each variant and category, with intervals."""

from collections.abc import Collection, Sequence

from zimage_eval.benchmark_observations import Observation
from zimage_eval.statistics.estimates import Estimate, estimate, prompt_means


def mean_rows(
    observations: Sequence[Observation], shares: Collection[str]
) -> dict[str, dict[str, float | None]]:
    """`<variant>/<category>` -> metric, its mean over units and its 95 % interval; `num_units`.

    Args:
        observations: of a benchmark.
        shares: metrics that are shares of right answers, from 0 to 1.
    """
    scores: dict[tuple[str, str, str], dict[tuple[str, int], float | None]] = {}
    for row in observations:
        key = row.variant, row.category, row.metric
        scores.setdefault(key, {})[row.unit, row.replicate] = row.value
    results: dict[str, dict[str, float | None]] = {}
    for (variant, category, metric), values in sorted(scores.items()):
        means = list(prompt_means(values).values())
        found = estimate(means, (0.0, 1.0) if metric in shares else None)
        row_of = results.setdefault(f"{variant}/{category}", {})
        row_of |= named(metric, found)
        row_of["num_units"] = max(found.num_prompts, int(row_of.get("num_units") or 0))
    return results


def largest_rows(observations: Sequence[Observation]) -> dict[str, dict[str, float | None]]:
    """Variant -> metric -> mean over units, and the largest as `<metric>_largest`."""
    values: dict[tuple[str, str], list[float]] = {}
    for one in observations:
        if one.value is not None:
            values.setdefault((one.variant, one.metric), []).append(one.value)
    rows: dict[str, dict[str, float | None]] = {}
    for (variant, metric), found in values.items():
        row = rows.setdefault(variant, {})
        row[metric], row[f"{metric}_largest"] = sum(found) / len(found), max(found)
        row["num_units"] = len(found)
    return rows


def named(metric: str, found: Estimate) -> dict[str, float | None]:
    """`metric`, `metric_low` and `metric_high`; the ends only where there are any."""
    if found.low is None:
        return {metric: found.mean}
    return {metric: found.mean, f"{metric}_low": found.low, f"{metric}_high": found.high}
