"""Load a model's transformer, scheduler and autoencoder; apply settings to the transformer."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, ZImageTransformer2DModel
from torch import nn

from zimage_eval.config.frozen import cut, unknown
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.config.settings import Settings
from zimage_eval.model.captions import RefinerFit
from zimage_eval.model.folder import IMAGE_PARTS, check_parts, has_refiner_timestep
from zimage_eval.model.memory import read_json_object, read_shapes, refuse_tensors
from zimage_eval.model.module_views import view_module
from zimage_eval.model.refiner import ContextRefiner, RecordedTimestep, attach_modulation
from zimage_eval.model.rope import build_rope

# The pipeline takes seconds to import, so it is imported where it is loaded.
if TYPE_CHECKING:
    from diffusers import ZImagePipeline

_MODEL_TYPES: dict[str, Any] = {"transformer": ZImageTransformer2DModel, "vae": AutoencoderKL}


def load_image_side(folder: Path, dtype: DtypeSettings, device: torch.device) -> "ZImagePipeline":
    """Load the pipeline without tokenizer and text encoder: it takes `prompt_embeds` only.

    Raises:
        ValueError: a file or a tensor is missing or damaged; names it.
    """
    from diffusers import ZImagePipeline

    check_parts(folder, IMAGE_PARTS)
    check_image_weights(folder, ("transformer", "vae"))
    pipe = ZImagePipeline.from_pretrained(
        folder,
        tokenizer=None,
        text_encoder=None,
        dtype={
            "transformer": getattr(torch, dtype.transformer),
            "vae": getattr(torch, dtype.vae),
        },
    )
    if has_refiner_timestep(folder):
        attach_modulation(pipe.transformer, folder / "transformer")
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)


def check_image_weights(folder: Path, parts: Sequence[str]) -> None:
    """Check that the weight files have the tensors that transformer and autoencoder need.

    No weight is read: the files' headers are compared with modules that take no memory.

    Raises:
        ValueError: a configuration is impossible, or a tensor is missing, unexpected or of another
            shape; names the file.
    """
    for part in parts:
        shapes, model_type = read_shapes(folder / part), _MODEL_TYPES[part]
        module = _empty_module(folder / part, model_type)
        wanted = {name: tuple(value.shape) for name, value in module.state_dict().items()}
        if part == "transformer" and has_refiner_timestep(folder):
            like = "noise_refiner.0.adaLN_modulation.0"  # each block's modulation has these shapes
            wanted |= {
                f"context_refiner.{index}.adaLN_modulation.0.{end}": wanted[f"{like}.{end}"]
                for index in range(len(module.context_refiner))
                for end in ("weight", "bias")
            }
        both = wanted.keys() & shapes.keys()
        problems = {
            "lacks": wanted.keys() - shapes.keys(),
            "holds unknown": shapes.keys() - wanted.keys(),
            "holds misshapen": [name for name in both if wanted[name] != shapes[name]],
        }
        refuse_tensors(folder / part, model_type.__name__, problems)


def view_transformer(
    transformer: ZImageTransformer2DModel, settings: Settings, fit: RefinerFit | None = None
) -> ZImageTransformer2DModel:
    """The transformer with the settings applied; it shares the weights of the loaded one.

    With the model's own settings it computes the same bits as the loaded one. A view is not for two
    threads at once: each thread makes a view.

    Args:
        transformer: as it was loaded.
        settings: of the image to draw.
        fit: the captions that `refiner_delta: linear` is fitted on; nothing else reads it.

    Raises:
        ValueError: `fit` is None and `refiner_delta` is `linear`.
    """
    view = view_module(transformer)
    table = transformer.rope_embedder
    view.rope_embedder = build_rope(table, settings.rope, in_refiner=False)
    rope = timestep = None
    if settings.rope.rope_theta_scope == "refiner":
        rope = build_rope(table, settings.rope, in_refiner=True)
    if settings.refiner.refiner_timestep:
        view.t_embedder = timestep = RecordedTimestep(transformer.t_embedder)
    blocks, linear = transformer.context_refiner, None
    if settings.refiner.refiner_delta == "linear":
        if fit is None:
            raise ValueError("refiner_delta linear: a map is fitted on a set of prompts")
        unchanged = settings.refiner.model_copy(
            update={"refiner_delta": "own", "refiner_blend": 1.0}
        )
        linear = fit.linear_map(view, lambda: ContextRefiner(blocks, unchanged, rope, None, None))
    refiner = ContextRefiner(blocks, settings.refiner, rope, timestep, linear)
    view.context_refiner = nn.ModuleList([refiner])
    return view


def _empty_module(folder: Path, model_type: Any) -> Any:  # noqa: ANN401 - diffusers is untyped
    config = folder / "config.json"
    values = read_json_object(config)
    values.pop("context_refiner_modulation", None)  # this project's own key
    parameters = inspect.signature(model_type.__init__).parameters
    for key in values:
        if key not in parameters and not key.startswith("_"):  # diffusers would leave it unread
            raise ValueError(f"{config}: unknown key {unknown(key, list(parameters)[1:])}")
    try:
        with torch.device("meta"):
            return model_type.from_config(values)
    except Exception as error:  # a class may fail anywhere on values that don't go together
        raise ValueError(
            f"{config}: no {model_type.__name__} can be made of it "
            f"({type(error).__name__}: {cut(str(error))})"
        ) from error
