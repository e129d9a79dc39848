"""A figure of a benchmark's observations: a dot with its interval a variant."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from zimage_eval.benchmark_observations import Observation
from zimage_eval.figures import EffectRow, draw_dots
from zimage_eval.statistics.estimates import estimate, prompt_means


def draw_variants(observations: Sequence[Observation], metric: str, axis_label: str) -> Figure:
    """Mean over units of one metric for each variant, the largest at the bottom.

    Replicates of a unit are averaged first, so that an interval is over what is independent.
    """
    found: dict[str, dict[tuple[str, int], float | None]] = {}
    for one in observations:
        if one.metric == metric:
            found.setdefault(one.variant, {})[one.unit, one.replicate] = one.value
    rows = []
    for variant, scores in found.items():
        seen = estimate(list(prompt_means(scores).values()), None)
        row = EffectRow(variant, seen.mean, seen.low, seen.high, False, None, {}, "no number")
        rows.append(row)
    return draw_dots(sorted(rows, key=lambda row: (row.mean or 0.0, row.label)), axis_label)
