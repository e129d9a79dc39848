"""data/comparison/<model>/: a compared model's pictures, or why it is not available."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pydantic import TypeAdapter

from zimage_eval.benchmarks.comparison.models import ComparedModel, expected_forwards, image_size
from zimage_eval.benchmarks.comparison.prompts import AskedPrompt
from zimage_eval.config.frozen import Frozen
from zimage_eval.config.measuring import BackboneName
from zimage_eval.config.metrics import MetricDefinition
from zimage_eval.config.model_spec import JudgeName, ModelSpec
from zimage_eval.metrics.sets.features import StudyFeatures, read_study_features
from zimage_eval.model.memory import count_parameters
from zimage_eval.output.results import read_json, write_json
from zimage_eval.output.tables import (
    IMAGES,
    SWAPPED_PROMPTS,
    facts_schema,
    read_table,
    scores_schema,
)


class ModelRecord(Frozen):
    """What is known of a model beside its pictures."""

    title: str
    pipeline: str
    """Class in diffusers."""
    height: int
    width: int
    expected_forwards: int
    """Transformer evaluations an image that its recommended settings come to."""
    transformer_parameters: int | None
    """None where the weights are not there."""
    reason: str | None
    """Why it is not available; None if it is."""


def model_record(folder: Path, model: ComparedModel, reason: str | None) -> ModelRecord:
    """The record of the model with weights in `folder`, of which `reason` says what is missing."""
    size = image_size(model)
    return ModelRecord(
        title=model.title,
        pipeline="ZImagePipeline" if isinstance(model, ModelSpec) else model.pipeline,
        height=size.height,
        width=size.width,
        expected_forwards=expected_forwards(model),
        transformer_parameters=None if reason else count_parameters(folder, "transformer"),
        reason=reason,
    )


def write_record(path: Path, record: ModelRecord) -> None:
    """Write it as JSON with sorted keys."""
    write_json(path, record.model_dump())


def read_record(path: Path) -> ModelRecord:
    """What `write_record` wrote; ValueError where it is missing or something else."""
    return read_json(path, TypeAdapter(ModelRecord), "no such record; draw_model is due")


class ModelPictures(NamedTuple):
    """All that is known of an available model's pictures."""

    folder: Path
    record: ModelRecord
    images: pd.DataFrame
    scores: pd.DataFrame
    facts: pd.DataFrame
    features: Mapping[BackboneName, StudyFeatures]


def read_drawn(
    folder: Path,
    metrics: Mapping[str, MetricDefinition],
    backbones: Sequence[BackboneName],
    judge: JudgeName,
) -> ModelPictures | ModelRecord:
    """A model's pictures and scores, or only its record where it is not available.

    Raises:
        ValueError: a table is missing or is another one.
    """
    record = read_record(folder / "model.json")
    if record.reason is not None:
        return record
    return ModelPictures(
        folder,
        record,
        read_table(folder / "images.parquet", IMAGES).to_pandas(),
        read_table(folder / "scores.parquet", scores_schema(metrics)).to_pandas(),
        read_table(folder / "facts.parquet", facts_schema(judge)).to_pandas(),
        {name: read_study_features(folder / f"features/{name}.parquet") for name in backbones},
    )


def coverage(drawn: ModelPictures, prompts: Mapping[str, AskedPrompt]) -> float:
    """Share of the prompt set's pictures that were made."""
    is_main = [not prompts[prompt_id].is_capability for prompt_id in drawn.images["prompt_id"]]
    errors = drawn.images.loc[is_main, "error"]
    return int(errors.isna().sum()) / len(errors)


def comparison_checks(
    drawn: Mapping[str, ModelPictures], prompts: Mapping[str, AskedPrompt]
) -> dict[str, float | None]:
    """Exact facts about the comparison, 1 if true: without them its numbers mean something else."""
    units = [
        set(zip(pictures.images["prompt_id"], pictures.images["seed"], strict=True))
        for pictures in drawn.values()
    ]
    is_expected = [
        (pictures.images["num_forwards"] == pictures.record.expected_forwards)
        | pictures.images["error"].notna()
        for pictures in drawn.values()
    ]
    is_judged = [
        pictures.scores["alignment"].notna()
        | pictures.scores["error"].notna()
        | (pictures.scores["variant"] == SWAPPED_PROMPTS)
        for pictures in drawn.values()
    ]
    return {
        "every_model_is_asked_the_same_prompts_and_seeds": float(
            all(asked == units[0] for asked in units)
        ),
        "every_picture_of_the_prompt_set_was_drawn": float(
            all(coverage(pictures, prompts) == 1 for pictures in drawn.values())
        ),
        "forwards_are_those_of_the_recommended_settings": float(
            all(expected.all() for expected in is_expected)
        ),
        "every_picture_is_judged": float(all(judged.all() for judged in is_judged)),
    }
