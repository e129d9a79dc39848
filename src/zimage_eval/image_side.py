"""The image side of a model of the Z-Image family: transformer, scheduler and autoencoder."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.model_folder import IMAGE_PARTS, check_parts, has_refiner_timestep

# diffusers takes seconds to import, so it is imported where something is loaded.
if TYPE_CHECKING:
    from diffusers import ZImagePipeline


def load_image_side(folder: Path, dtype: DtypeSettings, device: torch.device) -> "ZImagePipeline":
    """Load the pipeline without tokenizer and text encoder: it takes `prompt_embeds` only.

    Raises:
        ValueError: a file is missing; says which, and where to put it.
    """
    from diffusers import ZImagePipeline

    from zimage_eval.refiner import attach_modulation

    check_parts(folder, IMAGE_PARTS)
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
