"""Means of image scores with intervals, by variant, phase, metric and category."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from zimage_eval.config.metrics import METRICS
from zimage_eval.config.params import PHASES, Phase
from zimage_eval.config.variants import Variant
from zimage_eval.output.results import CsvLine, read_csv, write_csv
from zimage_eval.output.tables import SWAPPED_PROMPTS, means_by_prompt, numbers_of, variant_scores
from zimage_eval.statistics.estimates import estimate

ALL = "all"
"""The category that holds every prompt."""
NOT_AVAILABLE = "not available"
"""Beginning of the error of images whose settings the model does not have."""
IS_REFERENCE = "it is the reference"
"""Note of a baseline's metric of sets that has no number, because the baseline is the reference."""
COVERAGE = "coverage"
"""Share of the requested images that were made and scored; a row beside those of the metrics."""


class Summary(NamedTuple):
    """A metric of a variant over the prompts of a phase: one row of reports/tables/<study>.csv.

    Intervals are 95 %, over prompts, unadjusted. Differences are to the baseline, paired by prompt
    and seed; None for the baseline, for metrics that are distances to it, and where nothing pairs.
    """

    variant: str
    phase: str
    metric: str
    category: str
    num_prompts: int
    """Prompts with at least one score; for the coverage, prompts asked for."""
    mean: float | None
    low: float | None = None
    high: float | None = None
    difference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None
    note: str = ""
    """Why images are missing, or how many images have no number."""


def summarize_scores(scores: pd.DataFrame, variants: Sequence[str], baseline: str) -> list[Summary]:
    """Summaries of every metric, overall and by category.

    The screen phase comes before the confirm phase, and variants are in the order of `variants`.

    Args:
        scores: a score table.
        variants: names in the order of the study.
        baseline: the name that the others are compared with.
    """
    metrics = _measured(scores)
    summaries = []
    for phase in PHASES:
        rows = variant_scores(scores, phase)
        for variant in variants:
            if variant in rows:
                reference = rows.get(baseline) if variant != baseline else None
                summaries.append(_summarize_coverage(variant, phase, rows[variant]))
                summaries.extend(
                    _summarize_metrics(variant, phase, rows[variant], reference, metrics)
                )
    return summaries


def summarize_chance(scores: pd.DataFrame, baseline: str) -> list[Summary]:
    """What the baseline's screened pictures reach when they are judged by other prompts' texts.

    That is chance: a model that ignores its prompt reaches it, and no more.

    Returns:
        Rows of `SWAPPED_PROMPTS` for each share of facts that has a number; none where nobody
        judged.
    """
    rows = variant_scores(scores, "screen")
    if SWAPPED_PROMPTS not in rows:
        return []
    judged = [metric for metric in _measured(scores) if METRICS[metric].is_judged]
    summaries = _summarize_metrics(
        SWAPPED_PROMPTS, "screen", rows[SWAPPED_PROMPTS], rows.get(baseline), judged
    )
    return [summary for summary in summaries if summary.mean is not None]


def note_small_pictures(summaries: Iterable[Summary], variants: Sequence[Variant]) -> list[Summary]:
    """The rows; where a variant's pictures are too small for a metric, the note says so.

    Too small is a side below the metric's `min_side`. The baseline gets no such note for metrics
    that compare with the baseline, because it has no number there whatever its size.
    """
    sides = {v.name: min(v.settings.image.height, v.settings.image.width) for v in variants}
    is_baseline = {variant.name: variant.is_baseline for variant in variants}
    noted = []
    for row in summaries:
        metric, side = METRICS.get(row.metric), sides[row.variant]
        is_undefined = metric is None or (metric.is_paired and is_baseline[row.variant])
        if metric and side < metric.min_side and not is_undefined:
            reason = f"{side} pixels on a side, {metric.min_side} needed"
            noted.append(row._replace(note=": ".join(filter(None, (row.note, reason)))))
        else:
            noted.append(row)
    return noted


def _measured(scores: pd.DataFrame) -> list[str]:
    """The metrics of a score table, without those of tokens of a class that no prompt has."""
    return [
        name
        for name, metric in METRICS.items()
        if name in scores
        and (
            metric.reads not in ("embedding", "embedding_pair") or bool(scores[name].notna().any())
        )
    ]


def _summarize_coverage(variant: str, phase: Phase, rows: pd.DataFrame) -> Summary:
    """Share of the images that were made; None for settings that the model does not have."""
    errors = Counter(rows["error"].dropna())
    is_available = not all(error.startswith(NOT_AVAILABLE) for error in rows["error"].fillna(""))
    counts = [f"{count} of {len(rows)} images: {error}" for error, count in sorted(errors.items())]
    return Summary(
        variant=variant,
        phase=phase,
        metric=COVERAGE,
        category=ALL,
        num_prompts=rows.index.get_level_values("prompt_id").nunique(),
        mean=1 - errors.total() / len(rows) if is_available else None,
        note="; ".join(counts if is_available else errors),
    )


def _summarize_metrics(
    variant: str,
    phase: Phase,
    rows: pd.DataFrame,
    baseline: pd.DataFrame | None,
    metrics: Sequence[str],
) -> Iterator[Summary]:
    """Rows of each metric, over all prompts and over those of each category that has a number.

    Args:
        variant: its name.
        phase: that of the rows.
        rows: the variant's, as `variant_scores` has them.
        baseline: the baseline's; None for the baseline itself.
        metrics: what is summarized.
    """
    compared = [metric for metric in metrics if not METRICS[metric].is_paired]
    differences = pd.DataFrame(index=rows.index, columns=compared, dtype=np.float64)
    if baseline is not None:
        differences = rows[compared] - baseline[compared].reindex(rows.index)
    means = means_by_prompt(rows, metrics)
    gains = means_by_prompt(differences, compared).reindex(columns=means.columns)
    groups = {ALL: rows} | dict(iter(rows.groupby("category")))
    prompts = {category: images.index.unique("prompt_id") for category, images in groups.items()}
    numbers = {
        category: (means.loc[members].to_numpy(), gains.loc[members].to_numpy())
        for category, members in prompts.items()
    }
    missing = {category: images[metrics].isna().sum() for category, images in groups.items()}
    for index, metric in enumerate(metrics):
        for category, images in groups.items():
            num_missing = int(missing[category].iloc[index])
            if category == ALL or num_missing < len(images):
                prompt_scores, paired = numbers[category]
                yield _summarize(
                    (variant, phase, metric, category),
                    numbers_of(prompt_scores[:, index]),
                    numbers_of(paired[:, index]),
                    f"{num_missing} of {len(images)} images have no number" * bool(num_missing),
                )


def _summarize(
    identity: tuple[str, str, str, str],
    means: Sequence[float],
    differences: Sequence[float],
    note: str,
) -> Summary:
    is_judged = METRICS[identity[2]].is_judged
    difference = estimate(differences, bounds=(-1, 1) if is_judged else None)
    return Summary(
        *identity,
        *estimate(means, bounds=(0, 1) if is_judged else None),
        difference=difference.mean,
        difference_low=difference.low,
        difference_high=difference.high,
        note=note,
    )


def confirm_rows(summaries: Iterable[Summary], baseline: str) -> list[Summary]:
    """The confirm phase's rows of the variant that is not the baseline, over all prompts.

    Empty where no variant was declared for that phase.
    """
    return [
        row
        for row in summaries
        if row.phase == "confirm" and row.category == ALL and row.variant != baseline
    ]


def contrast(row: Summary) -> tuple[str, float | None, float | None, float | None]:
    """Name, mean and interval of a variant's difference or distance to the baseline."""
    if METRICS[row.metric].is_paired:
        return row.metric, row.mean, row.low, row.high
    name = f"{row.metric}_difference"
    return name, row.difference, row.difference_low, row.difference_high


def excludes_zero(row: Summary) -> bool:
    """Whether the interval of the paired difference lies on one side of 0."""
    low, high = row.difference_low, row.difference_high
    return low is not None and high is not None and (low > 0 or high < 0)


def write_summaries(path: Path, summaries: Iterable[Summary]) -> None:
    """Write a CSV with a line for each row; numbers have 6 significant digits, None is empty."""
    write_csv(path, Summary._fields, summaries)


def read_summaries(path: Path) -> list[Summary]:
    """What `write_summaries` wrote.

    Raises:
        ValueError: the file is missing, cut off or another one; names the line.
    """
    lines = read_csv(path, Summary._fields, "no such table of summaries")
    return [_parse_line(line) for line in lines]


def read_study_tables(folder: Path, studies: Iterable[str]) -> dict[str, list[Summary]]:
    """`<folder>/<study>.csv` of each study that was measured, by study."""
    paths = {study: folder / f"{study}.csv" for study in studies}
    return {study: read_summaries(path) for study, path in paths.items() if path.is_file()}


def _parse_line(line: CsvLine) -> Summary:
    variant, phase, metric, category = line.cells[:4]
    mean, low, high, difference, difference_low, difference_high = map(line.number, range(5, 11))
    return Summary(
        variant,
        phase,
        metric,
        category,
        line.whole_number(4),
        mean,
        low,
        high,
        difference,
        difference_low,
        difference_high,
        line.cells[11],
    )
