"""What the backbones see in the pictures of a compared model."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from zimage_eval.comparison_prompts import AskedPrompt
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.metrics.sets.features import features_by_backbone, write_study_features
from zimage_eval.output.png import read_picture


def write_features(
    rows: Sequence[Mapping[str, Any]],
    prompts: Mapping[str, AskedPrompt],
    folder: Path,
    spec: ModelSpec,
    shipped: Mapping[str, Path],
) -> None:
    """Write `features/<backbone>.parquet` of the prompt set's pictures, not of the capabilities'.

    Args:
        rows: of the image table.
        prompts: by id.
        folder: of the model's pictures.
        spec: of the model under study, whose backbones look at every model's pictures.
        shipped: where the weights of those are that come with the repository.
    """
    main = [row for row in rows if not prompts[row["prompt_id"]].is_capability]
    made = [row for row in main if row["error"] is None]
    pictures = [partial(read_picture, folder / row["file"]) for row in made]
    for backbone, features in features_by_backbone(pictures, spec, shipped):
        name = backbone.signature.name
        write_study_features(folder / "features" / f"{name}.parquet", made, features)
