"""Keys of pictures in the store: a digest of all that decides their pixels."""

import hashlib
import json
from importlib.metadata import version
from typing import Any, NamedTuple

import torch

from zimage_eval.config.model_spec import DtypeSettings, Engine
from zimage_eval.config.settings import Settings
from zimage_eval.sampling.batches import Batch

GENERATOR_VERSION = 3
"""To be raised with every change of this package that changes pixels or files."""


class DrawingRecipe(NamedTuple):
    """What the images of a variant share."""

    weights: str
    """Digest of everything that is loaded (`weights_digest`)."""
    settings: Settings
    dtype: DtypeSettings
    device: str
    """Class of the device (`device_class`)."""
    engine: Engine = "eager"
    """How the model runs there."""


def image_keys(recipe: DrawingRecipe, batch: Batch) -> list[str]:
    """A key for each image of a batch; every image of the batch enters each of them."""
    negative = batch.negative_prompt_embeds
    shared: dict[str, Any] = {
        "generator_version": GENERATOR_VERSION,
        "versions": [version(package) for package in ("torch", "diffusers", "pillow")],
        "weights": recipe.weights,
        # Texts count by their embeddings; those of the negative prompt only if there is guidance.
        "settings": recipe.settings.model_dump(
            exclude={"prompt": True, "encoder": True, "sampler": {"negative_prompt"}}
        ),
        "dtype": recipe.dtype.model_dump(include={"transformer", "vae"}),
        "device": recipe.device,
        "prompt_embeds": [_tensor_digest(embeds) for embeds in batch.prompt_embeds],
        "negative_prompt_embeds": None if negative is None else _tensor_digest(negative),
        "seeds": batch.seeds,
        "refiner_fit": None if batch.refiner_fit is None else batch.refiner_fit.digest,
    }
    if recipe.engine != "eager":  # so that pictures keep the keys that they had before engines
        shared["engine"] = recipe.engine
    return [
        hashlib.sha256(json.dumps({**shared, "index": index}, sort_keys=True).encode()).hexdigest()
        for index in range(len(batch.seeds))
    ]


def _tensor_digest(tensor: torch.Tensor) -> str:
    digest = hashlib.sha256(str(tuple(tensor.shape)).encode())
    digest.update(tensor.float().contiguous().numpy().tobytes())
    return digest.hexdigest()
