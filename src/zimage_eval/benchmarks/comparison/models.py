"""models/<model>.yaml of a compared model: of the Z-Image family, or of another pipeline."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from zimage_eval.config.frozen import Frozen, parse, read_yaml
from zimage_eval.config.model_spec import Dtype, ModelSpec, load_model_spec
from zimage_eval.config.params import ComparisonParams
from zimage_eval.config.setting_groups import Count, Float, ImageSettings
from zimage_eval.config.weight_sources import HubSource, digests_file, read_digests, stated_in
from zimage_eval.model.folder import PARTS, check_digests, check_parts

PipelineName = Literal["FluxPipeline", "StableDiffusion3Pipeline"]


class PipelineSettings(Frozen):
    """What a pipeline is called with; its scheduler is the one in its folder."""

    num_inference_steps: Count
    guidance_scale: Annotated[Float, Field(ge=0)]
    """As this pipeline reads it: FLUX.1 [dev] is told the number, Stable Diffusion 3.5 is off at 1
    and below."""
    max_sequence_length: Count
    """Tokens of its T5 encoder."""
    image: ImageSettings


class OtherPipeline(Frozen):
    """models/<model>.yaml of a model of another family, which is compared but not studied."""

    title: str
    pipeline: PipelineName
    """Class in diffusers that draws its pictures."""
    dtype: Dtype
    batch_size: Count
    """Images that are denoised together."""
    recommended: PipelineSettings
    source: HubSource | None = None
    """Where `python -m zimage_eval fetch` gets the weights."""


ComparedModel = ModelSpec | OtherPipeline


def load_compared_model(path: Path) -> ComparedModel:
    """Settings of a model of either kind: one of another family names its `pipeline`.

    Raises:
        ValueError: in one line; it is missing, or a key or value is wrong.
    """
    if path.is_file():
        content = read_yaml(path)
        if isinstance(content, dict) and "pipeline" in content:
            return parse(content, OtherPipeline, str(path))
    return load_model_spec(path)


def check_compared_models(models: Path, entry: ComparisonParams, studied: str) -> None:
    """Check the settings of the compared models, and the weights of those that have some.

    Models whose weights are missing are no problem: they are compared where they are.

    Args:
        models: folder of all models.
        entry: of params.yaml.
        studied: the model under study, whose weights are not looked at here.

    Raises:
        ValueError: settings are wrong, or weights are cut off or others than stated.
    """
    for name in entry.models:
        path = models / f"{name}.yaml"
        compared = load_compared_model(path)
        weights = models / name
        is_there = (weights / "model_index.json").is_file() and name != studied
        if is_there and isinstance(compared, ModelSpec):
            check_parts(weights, PARTS)
            check_digests(weights, compared.sha256, str(stated_in(path)))
        elif is_there:
            check_digests(weights, read_digests(digests_file(path)), str(digests_file(path)))


def expected_forwards(model: ComparedModel) -> int:
    """Transformer evaluations an image that the recommended settings come to."""
    if isinstance(model, ModelSpec):
        return model.defaults.sampler.forwards_per_image
    asked = model.recommended
    is_doubled = model.pipeline == "StableDiffusion3Pipeline" and asked.guidance_scale > 1
    return asked.num_inference_steps * (2 if is_doubled else 1)


def image_size(model: ComparedModel) -> ImageSettings:
    """Height and width of its pictures."""
    return model.defaults.image if isinstance(model, ModelSpec) else model.recommended.image
