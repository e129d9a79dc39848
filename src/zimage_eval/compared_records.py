"""data/comparison/<model>/model.json: what a compared model is, or why it is not available."""

import json
from pathlib import Path

from zimage_eval.compared_models import ComparedModel, expected_forwards, image_size
from zimage_eval.config.frozen import Frozen, parse
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.model.folder import count_parameters


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
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record.model_dump(), indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_record(path: Path) -> ModelRecord:
    """What `write_record` wrote; ValueError where it is missing or something else."""
    if not path.is_file():
        raise ValueError(f"{path}: no such record; draw_model is due")
    return parse(json.loads(path.read_text(encoding="utf-8")), ModelRecord, str(path))
