"""Means of image scores with intervals, by variant, phase, metric and category."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from zimage_eval.config.metrics import METRICS
from zimage_eval.config.params import PHASES
from zimage_eval.config.variants import Variant
from zimage_eval.output.results import CsvLine, read_csv
from zimage_eval.output.tables import SWAPPED_PROMPTS, TableRow
from zimage_eval.statistics.estimates import (
    Unit,
    estimate,
    paired_differences,
    prompt_means,
    rounded,
)

ALL = "all"
"""The category that holds every prompt."""
NOT_AVAILABLE = "not available"
"""Beginning of the error of images whose settings the model does not have."""
IS_REFERENCE = "it is the reference"
"""Note of a baseline's metric of sets that has no number, because the baseline is the reference."""
COVERAGE = "coverage"
"""Share of the requested images that were made and scored; a row beside those of the metrics."""

Scores = Mapping[Unit, float | None]


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


def summarize_scores(
    rows: Sequence[TableRow], variants: Sequence[str], baseline: str
) -> list[Summary]:
    """Summaries of every metric, overall and by category.

    The screen phase comes before the confirm phase, and variants are in the order of `variants`.

    Args:
        rows: of the score table.
        variants: names in the order of the study.
        baseline: the name that the others are compared with.
    """
    metrics = _measured(rows)
    summaries = []
    for phase in PHASES:
        for variant in variants:
            measured = [row for row in rows if row["variant"] == variant and row["phase"] == phase]
            if measured:
                paired = [
                    row for row in rows if row["variant"] == baseline and row["phase"] == phase
                ]
                summaries.append(_summarize_coverage(measured))
                summaries.extend(_summarize_metrics(measured, paired, variant == baseline, metrics))
    return summaries


def summarize_chance(rows: Sequence[TableRow], baseline: str) -> list[Summary]:
    """What the baseline's screened pictures reach when they are judged by other prompts' texts.

    That is chance: a model that ignores its prompt reaches it, and no more.

    Returns:
        Rows of `SWAPPED_PROMPTS` for each share of facts that has a number; none where nobody
        judged.
    """
    screened = [row for row in rows if row["phase"] == "screen"]
    swapped = [row for row in screened if row["variant"] == SWAPPED_PROMPTS]
    reference = [row for row in screened if row["variant"] == baseline]
    judged = [metric for metric in _measured(rows) if METRICS[metric].is_judged]
    summaries = _summarize_metrics(swapped, reference, False, judged) if swapped else ()
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


def _measured(rows: Sequence[TableRow]) -> list[str]:
    """The metrics of a score table, without those of tokens of a class that no prompt has."""
    return [
        name
        for name, metric in METRICS.items()
        if any(name in row for row in rows[:1])
        and (
            metric.reads not in ("embedding", "embedding_pair")
            or any(row[name] is not None for row in rows)
        )
    ]


def _summarize_coverage(rows: Sequence[TableRow]) -> Summary:
    """Share of the images that were made; None for settings that the model does not have."""
    errors = Counter(row["error"] for row in rows if row["error"])
    is_available = not all((row["error"] or "").startswith(NOT_AVAILABLE) for row in rows)
    counts = [f"{count} of {len(rows)} images: {error}" for error, count in sorted(errors.items())]
    return Summary(
        variant=rows[0]["variant"],
        phase=rows[0]["phase"],
        metric=COVERAGE,
        category=ALL,
        num_prompts=len({row["prompt_id"] for row in rows}),
        mean=1 - errors.total() / len(rows) if is_available else None,
        note="; ".join(counts if is_available else errors),
    )


def _summarize_metrics(
    rows: Sequence[TableRow],
    baseline_rows: Sequence[TableRow],
    is_baseline: bool,
    metrics: Sequence[str],
) -> Iterator[Summary]:
    categories = sorted({row["category"] for row in rows})
    for metric in metrics:
        for category in (ALL, *categories):
            scores = _scores(rows, metric, category)
            reference = {} if is_baseline else _scores(baseline_rows, metric, category)
            if category == ALL or any(score is not None for score in scores.values()):
                identity = (rows[0]["variant"], rows[0]["phase"], metric, category)
                yield _summarize(identity, scores, reference)


def _summarize(identity: tuple[str, str, str, str], scores: Scores, reference: Scores) -> Summary:
    metric = METRICS[identity[2]]
    over_prompts = estimate(
        list(prompt_means(scores).values()), bounds=(0, 1) if metric.is_judged else None
    )
    differences = {} if metric.is_paired else paired_differences(scores, reference)
    difference = estimate(
        list(prompt_means(differences).values()), bounds=(-1, 1) if metric.is_judged else None
    )
    num_missing = sum(score is None for score in scores.values())
    return Summary(
        *identity,
        *over_prompts,
        difference=difference.mean,
        difference_low=difference.low,
        difference_high=difference.high,
        note=f"{num_missing} of {len(scores)} images have no number" if num_missing else "",
    )


def _scores(rows: Iterable[TableRow], metric: str, category: str) -> dict[Unit, float | None]:
    return {
        (row["prompt_id"], row["seed"]): row[metric]
        for row in rows
        if category in (ALL, row["category"])
    }


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
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Summary._fields)
        for row in summaries:
            writer.writerow(rounded(value) if isinstance(value, float) else value for value in row)


def read_summaries(path: Path) -> list[Summary]:
    """What `write_summaries` wrote.

    Raises:
        ValueError: the file is missing, cut off or another one; names the line.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such table of summaries")
    return [_parse_line(line) for line in read_csv(path, Summary._fields)]


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
