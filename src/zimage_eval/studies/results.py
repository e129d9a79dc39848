"""Summaries of a study -> its part of metrics/<study>.json, and the headline of all studies."""

from collections.abc import Mapping, Sequence

from zimage_eval.config.metrics import METRICS
from zimage_eval.output.results import Results
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


def headline_results(
    results: Results, baselines: Mapping[str, str]
) -> dict[str, dict[str, float | None]]:
    """The few numbers of all studies that `dvc metrics diff` and `dvc exp show` should lead with.

    Args:
        results: study -> variant -> metric -> number, in the order of params.yaml.
        baselines: study -> name of its baseline.
    """
    coverages = [
        metrics[COVERAGE] for variants in results.values() for metrics in variants.values()
    ]
    first = next(iter(results))
    headline: dict[str, dict[str, float | None]] = {
        "all studies": {
            "alignment": results[first][baselines[first]]["alignment"],
            "all_facts": results[first][baselines[first]]["all_facts"],
            "lowest_coverage": min(
                (value for value in coverages if value is not None), default=None
            ),
        }
    }
    for study, variants in results.items():
        screened = [numbers["alignment"] for name, numbers in variants.items() if name != "confirm"]
        known = [value for value in screened if value is not None]
        if len(screened) > 1:
            headline[study] = {
                "lowest_alignment": min(known, default=None),
                "highest_alignment": max(known, default=None),
            }
        confirm = variants.get("confirm", {})
        if "alignment_difference" in confirm:
            difference = confirm["alignment_difference"]
            headline.setdefault(study, {})["confirm_alignment_difference"] = difference
    return headline
