"""All numbers of metrics/comparison.json, what must be said of them, and the table of both."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from zimage_eval.benchmarks.comparison.observations import num_facts, observe_scores, observe_styles
from zimage_eval.benchmarks.comparison.prompts import AskedPrompt
from zimage_eval.benchmarks.comparison.record import (
    ModelPictures,
    ModelRecord,
    comparison_checks,
    coverage,
)
from zimage_eval.benchmarks.comparison.rows import (
    backbone_measures,
    capability_difference,
    capability_row,
    compared_model_rows,
    difference_rows,
    distance_difference,
    facts_slope,
    pair_name,
    set_distance,
    style_coverage,
)
from zimage_eval.config.measuring import BackboneName, Distribution
from zimage_eval.metrics.sets.catalogue import FeatureVectors
from zimage_eval.output.figures import MeanInterval
from zimage_eval.output.observations import Measurement, named
from zimage_eval.output.results import NumberRow, write_csv

ENDS = ("low", "high")
COLUMNS = ("row", "metric", "value", "low", "high", "note")


class Compared(NamedTuple):
    """The comparison in numbers."""

    rows: dict[str, dict[str, float | None]]
    notes: dict[tuple[str, str], str]
    """By row and metric, why there is no number; of a whole row with an empty metric."""
    observations: list[Measurement]


def compare_models(
    models: Mapping[str, ModelPictures | ModelRecord],
    prompts: Mapping[str, AskedPrompt],
    references: Mapping[BackboneName, FeatureVectors],
    settings: Distribution,
) -> Compared:
    """Every model, every two of them, and the checks.

    Args:
        models: by name, in the order of the comparison.
        prompts: by id, all that were asked.
        references: features of the reference pictures by backbone; none where there are none.
        settings: backbones, seed and sets that may be small.
    """
    drawn = {name: each for name, each in models.items() if isinstance(each, ModelPictures)}
    observations = [
        one
        for name, each in drawn.items()
        for one in (
            *observe_scores(name, each.scores, prompts),
            *observe_styles(name, each.facts, prompts),
        )
    ]
    main = {prompt.category for prompt in prompts.values() if not prompt.is_capability}
    facts = {p.scene: num_facts(p.facts) for p in prompts.values() if not p.is_capability}
    rows, notes = compared_model_rows(observations, main), {}
    rows |= difference_rows(list(drawn), observations, main)
    for name, each in models.items():
        row = rows.setdefault(name, {})
        row["available"] = float(name in drawn)
        row["expected_forwards"] = each.expected_forwards if isinstance(each, ModelRecord) else None
        if isinstance(each, ModelRecord):
            notes[name, ""] = f"not available: {each.reason}"
            continue
        row["expected_forwards"] = each.record.expected_forwards
        row["transformer_million_parameters"] = (each.record.transformer_parameters or 0) / 1e6
        row["coverage"] = coverage(each, prompts)
        row |= style_coverage(observations, name) | facts_slope(observations, name, facts)
        rows[f"{name}/capabilities"] = capability_row(observations, name)
    for one, other in combinations(drawn, 2):
        row = capability_difference(observations, one, other)
        rows[f"{pair_name(one, other)}/capabilities"] = row
    _add_distances(rows, notes, drawn, references, settings)
    rows["checks"] = comparison_checks(drawn, prompts)
    return Compared(rows, notes, observations)


def middle_of_each(prompts: Sequence[AskedPrompt]) -> list[AskedPrompt]:
    """The middle prompt of each category, in their order: the first ones are the easiest."""
    members: dict[str, list[AskedPrompt]] = {}
    for prompt in prompts:
        members.setdefault(prompt.category, []).append(prompt)
    return [each[len(each) // 2] for each in members.values()]


def write_comparison(
    path: Path, rows: Mapping[str, NumberRow], notes: Mapping[tuple[str, str], str]
) -> None:
    """Write the rows of results as CSV, sorted.

    Args:
        path: of the file.
        rows: row -> metric -> number; `<metric>_low` and `<metric>_high` go beside `<metric>`.
        notes: by row and metric; of a row as a whole with an empty metric.
    """
    lines = {
        (row, metric): (*_ends(numbers, metric), notes.get((row, metric), ""))
        for row, numbers in rows.items()
        for metric in numbers.keys() - {f"{name}_{end}" for name in numbers for end in ENDS}
    }
    lines |= {key: (None, None, None, note) for key, note in notes.items() if key not in lines}
    write_csv(path, COLUMNS, ((*key, *lines[key]) for key in sorted(lines)))


def _add_distances(
    rows: dict[str, dict[str, float | None]],
    notes: dict[tuple[str, str], str],
    drawn: Mapping[str, ModelPictures],
    references: Mapping[BackboneName, FeatureVectors],
    settings: Distribution,
) -> None:
    for backbone in settings.backbones:
        reference = references.get(backbone)
        for name, each in drawn.items():
            features = each.features[backbone]
            for metric, measure in backbone_measures(backbone, features.features, settings).items():
                found = set_distance(measure, features, reference, settings.seed)
                rows[name] |= named(metric, found.found)
                rows[name] |= {f"{metric}_null": found.null, f"{metric}_null_high": found.null_high}
                if found.note:
                    notes[name, metric] = found.note
        for one, other in combinations(drawn, 2):
            pair = [drawn[name].features[backbone] for name in (one, other)]
            for metric, measure in backbone_measures(backbone, pair[0].features, settings).items():
                far = distance_difference(measure, pair[0], pair[1], reference)
                rows.setdefault(pair_name(one, other), {}).update(named(metric, far))


def _ends(numbers: NumberRow, metric: str) -> MeanInterval:
    """A number and the ends of its interval."""
    low, high = (numbers.get(f"{metric}_{end}") for end in ENDS)
    return numbers.get(metric), low, high
