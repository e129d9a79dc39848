"""What draw_model left in data/comparison/<model>/, read back."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from zimage_eval.compared_records import ModelRecord, read_record
from zimage_eval.comparison_prompts import AskedPrompt
from zimage_eval.config.measuring import BackboneName
from zimage_eval.metrics.sets.features import StudyFeatures, read_study_features
from zimage_eval.output.tables import FACTS, IMAGES, SWAPPED_PROMPTS, read_table, scores_schema

Row = dict[str, Any]


class Drawn(NamedTuple):
    """All that is known of an available model's pictures."""

    folder: Path
    record: ModelRecord
    images: Sequence[Row]
    scores: Sequence[Row]
    facts: Sequence[Row]
    features: Mapping[BackboneName, StudyFeatures]


def read_drawn(
    folder: Path, metrics: Sequence[str], backbones: Sequence[BackboneName]
) -> Drawn | ModelRecord:
    """A model's pictures and scores, or only its record where it is not available.

    Raises:
        ValueError: a table is missing or is another one.
    """
    record = read_record(folder / "model.json")
    if record.reason is not None:
        return record
    return Drawn(
        folder,
        record,
        read_table(folder / "images.parquet", IMAGES).to_pylist(),
        read_table(folder / "scores.parquet", scores_schema(metrics)).to_pylist(),
        read_table(folder / "facts.parquet", FACTS).to_pylist(),
        {name: read_study_features(folder / f"features/{name}.parquet") for name in backbones},
    )


def coverage(drawn: Drawn, prompts: Mapping[str, AskedPrompt]) -> float:
    """Share of the prompt set's pictures that were made."""
    main = [row for row in drawn.images if not prompts[row["prompt_id"]].is_capability]
    return sum(row["error"] is None for row in main) / len(main)


def comparison_checks(
    drawn: Mapping[str, Drawn], prompts: Mapping[str, AskedPrompt]
) -> dict[str, float | None]:
    """Exact facts about the comparison, 1 if true: without them its numbers mean something else."""
    asked = [{(row["prompt_id"], row["seed"]) for row in each.images} for each in drawn.values()]
    forwards = [
        row["num_forwards"] == each.record.expected_forwards
        for each in drawn.values()
        for row in each.images
        if row["error"] is None
    ]
    judged = [row for each in drawn.values() for row in each.scores]
    made = [row for row in judged if row["error"] is None and row["variant"] != SWAPPED_PROMPTS]
    return {
        "every_model_is_asked_the_same_prompts_and_seeds": float(all(a == asked[0] for a in asked)),
        "every_picture_of_the_prompt_set_was_drawn": float(
            all(coverage(each, prompts) == 1 for each in drawn.values())
        ),
        "forwards_are_those_of_the_recommended_settings": float(all(forwards)),
        "every_picture_is_judged": float(all(row["alignment"] is not None for row in made)),
    }
