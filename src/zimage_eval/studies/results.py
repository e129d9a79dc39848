"""Summaries of a study -> its part of metrics/<study>.json."""

from collections.abc import Sequence

from zimage_eval.config.metrics import METRICS
from zimage_eval.studies.summaries import ALL, COVERAGE, Summary, confirm_rows, contrast


def study_results(
    summaries: Sequence[Summary], baseline: str
) -> dict[str, dict[str, float | None]]:
    """Variant -> metric -> mean at screen size, and the contrast measured again as `confirm`.

    `confirm` holds the one rival's paired differences and its distance to the baseline. Its
    coverage is the lower one of rival and baseline, and stands there without a rival too where the
    baseline's pictures are missing: nothing else would tell.
    """
    results: dict[str, dict[str, float | None]] = {}
    for row in summaries:
        if row.phase == "screen" and row.category == ALL:
            results.setdefault(row.variant, {})[row.metric] = row.mean
            if row.metric == COVERAGE:
                results[row.variant]["num_prompts"] = row.num_prompts
    confirm: dict[str, float | None] = {}
    for row in confirm_rows(summaries, baseline):
        if row.metric == COVERAGE:
            confirm |= {COVERAGE: row.mean, "num_prompts": row.num_prompts}
        elif row.metric in METRICS and METRICS[row.metric].in_confirm:
            name, value, low, high = contrast(row)
            confirm |= {name: value, f"{name}_low": low, f"{name}_high": high}
    for row in summaries:
        if (row.variant, row.phase, row.metric) == (baseline, "confirm", COVERAGE):
            lowest = confirm.get(COVERAGE, 1.0)
            if row.mean is not None and lowest is not None and row.mean < lowest:
                confirm = {"num_prompts": row.num_prompts} | confirm | {COVERAGE: row.mean}
    return results | ({"confirm": confirm} if confirm else {})
