"""The JSON that every study ends in, {study: {variant: {metric: number or null}}}, in and out."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter

from zimage_eval.statistics import rounded
from zimage_eval.summaries import ALL, COVERAGE, Summary, confirm_rows, contrast

Numbers = Mapping[str, float | None]
Results = Mapping[str, Mapping[str, Numbers]]
"""Study, variant, metric. A number that does not exist is None; there is no NaN and no infinity."""

CONFIRMED = ("alignment", "all_facts", "lpips")
"""The metrics whose contrast at confirm size goes into the results."""

_RESULTS: TypeAdapter[dict[str, dict[str, dict[str, float | None]]]] = TypeAdapter(
    dict[str, dict[str, dict[str, float | None]]]
)


def write_results(path: Path, results: Results) -> None:
    """Write results with sorted keys and rounded numbers: equal results give equal bytes."""
    content = {
        study: {
            variant: {metric: rounded(value) for metric, value in metrics.items()}
            for variant, metrics in variants.items()
        }
        for study, variants in results.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """Results as they were written.

    Raises:
        ValueError: the file is missing or holds something else.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such results")
    return _RESULTS.validate_json(path.read_text(encoding="utf-8"))


def study_results(
    summaries: Sequence[Summary], baseline: str
) -> dict[str, dict[str, float | None]]:
    """Variant -> metric -> mean at screen size, and the contrast measured again as `confirm`.

    `confirm` holds the one rival's paired differences and its distance to the baseline.
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
        elif row.metric in CONFIRMED:
            name, value, low, high = contrast(row)
            confirm |= {name: value, f"{name}_low": low, f"{name}_high": high}
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
        if "confirm" in variants:
            difference = variants["confirm"]["alignment_difference"]
            headline.setdefault(study, {})["confirm_alignment_difference"] = difference
    return headline
