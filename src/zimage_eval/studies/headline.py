"""The few numbers of all studies that `dvc metrics diff` and `dvc exp show` print, and their table.

Whatever is compared, the first question is whether an answer changed, and the second which study
moved. So there are the counts of answers, one number a study that has rivals, and the baseline once
for each set of prompts: most studies share it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from zimage_eval.config.metrics import METRICS
from zimage_eval.config.variants import ExpandedStudy
from zimage_eval.output.results import NumberRow, write_csv, write_json
from zimage_eval.output.tables import SWAPPED_PROMPTS
from zimage_eval.statistics.estimates import rounded
from zimage_eval.studies.figures import main_metric
from zimage_eval.studies.summaries import ALL, COVERAGE, Summary


class BestRival(NamedTuple):
    """The rival of a study that does best on the study's main metric: a row of the table."""

    study: str
    variant: str
    metric: str
    gain: float
    """Paired difference to the baseline at screen size; above 0 is better. The best of several, so
    it is above 0 by chance more often than a single one."""
    low: float | None
    high: float | None
    """Ends of its 95 % interval, unadjusted."""


def best_rival(study: str, summaries: Sequence[Summary]) -> BestRival | None:
    """The best rival of a study by its main metric.

    Returns:
        None where nothing is compared: there is no rival, no score, or a metric of which neither
        end is better, as a distance to the baseline.
    """
    metric = main_metric(summaries)
    if metric is None or METRICS[metric].better != "higher":
        return None
    rivals = [
        BestRival(
            study, row.variant, metric, row.difference, row.difference_low, row.difference_high
        )
        for row in summaries
        if row.metric == metric
        and _is_screened(row)
        and row.difference is not None
        and row.variant != SWAPPED_PROMPTS
    ]
    return max(rivals, key=lambda rival: rival.gain, default=None)


def headline_numbers(
    summaries: Mapping[str, Sequence[Summary]],
    studies: Mapping[str, ExpandedStudy],
    rivals: Mapping[str, BestRival | None],
    answers: Mapping[str, int],
) -> dict[str, dict[str, float | None]]:
    """Group -> name -> number.

    Args:
        summaries: by study, in the order of params.yaml.
        studies: by name; tell baselines and prompts.
        rivals: `best_rival` by study.
        answers: verdict -> number of questions.

    Returns:
        `alignment` of the baseline by role of the prompts, from the first study that has them;
        `gain` of each study's best rival; `answers`; and the lowest `coverage` of any variant.
    """
    alignment: dict[str, float | None] = {}
    coverages = []
    for key, study in studies.items():
        for row in summaries[key]:
            if (row.variant, row.metric) == (study.baseline, "alignment") and _is_screened(row):
                alignment.setdefault(study.prompts, row.mean)
            elif row.metric == COVERAGE and row.mean is not None:
                coverages.append(row.mean)
    return {
        "answers": dict(answers),
        "alignment": alignment,
        "gain": {key: rival.gain for key, rival in rivals.items() if rival is not None},
        "coverage": {"lowest": min(coverages, default=None)},
    }


def write_headline(path: Path, headline: Mapping[str, NumberRow]) -> None:
    """Write the headline with sorted keys and rounded numbers: equal numbers give equal bytes.

    A column of `dvc exp show` is named by the keys, `gain.guidance`.
    """
    content = {
        group: {name: rounded(value) for name, value in numbers.items()}
        for group, numbers in headline.items()
    }
    write_json(path, content)


def write_best_rivals(path: Path, rivals: Sequence[BestRival]) -> None:
    """Write a CSV file with a row for each study, which `dvc plots` draws; None is empty."""
    write_csv(path, BestRival._fields, rivals)


def _is_screened(row: Summary) -> bool:
    return (row.phase, row.category) == ("screen", ALL)
