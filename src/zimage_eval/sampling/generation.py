"""A batch of prompt embeddings and seeds -> PNG files, from the image store or newly made."""

import json
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from zimage_eval.output.png import encode_png, read_png_text
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling.batches import Batch, ImageRequest
from zimage_eval.sampling.image_keys import DrawingRecipe, image_keys

if TYPE_CHECKING:
    from diffusers import ZImagePipeline

RECORD_ENTRY = "zimage_eval"
"""Name of the PNG text entry that says how an image was made."""


class GeneratedImage(NamedTuple):
    """An image as it is saved, and how it came about."""

    png: bytes
    num_forwards: int
    """Transformer evaluations for this image; with guidance, two a step."""
    sigmas: list[float]
    batch_size: int
    """Images that went through the transformer together."""


def draw_images(
    requests: Sequence[ImageRequest],
    batch: Batch | str,
    recipe: DrawingRecipe,
    store: ImageStore,
    load_pipe: Callable[[], "ZImagePipeline"],
    folder: Path,
) -> list[dict[str, Any]]:
    """Write the images of one batch into a folder; returns their rows of an IMAGES table.

    A batch that fails, or that is only a reason why it can't be, gives rows with the error.
    """
    if isinstance(batch, str):
        return [_row(request, None, f"not available: {batch}") for request in requests]
    try:
        images = generate_batch(batch, recipe, store, load_pipe)
    except Exception as error:
        traceback.print_exc()  # the rows hold the first line only
        words = " ".join(f"{type(error).__name__}: {error}".split())
        return [_row(request, None, words) for request in requests]
    for request, image in zip(requests, images, strict=True):
        path = folder / request.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image.png)
    return [_row(*pair, None) for pair in zip(requests, images, strict=True)]


def generate_batch(
    batch: Batch,
    recipe: DrawingRecipe,
    store: ImageStore,
    load_pipe: Callable[[], "ZImagePipeline"],
) -> list[GeneratedImage]:
    """The images of a batch, taken from the store if it holds all of them, made otherwise.

    Out of memory, the two halves of the batch are made as batches of their own.

    Args:
        batch: what to make.
        recipe: how; together they are the key in the store.
        store: may be one that holds nothing.
        load_pipe: called only when something has to be made.

    Raises:
        MemoryError: there is not enough memory for one image.
        FloatingPointError: an image is not finite.
    """
    keys = image_keys(recipe, batch)
    files = store.load(keys)
    if files is None:
        files = _render_if_it_fits(load_pipe(), batch, recipe)
        if files is not None:
            store.save(keys, files)
    if files is not None:
        return [
            GeneratedImage(png, **json.loads(read_png_text(png)[RECORD_ENTRY])) for png in files
        ]
    middle = len(batch.seeds) // 2
    if middle == 0:
        raise MemoryError(f"out of memory at batch size 1 on {recipe.device}")
    return [
        image
        for half in (slice(None, middle), slice(middle, None))
        for image in generate_batch(
            batch._replace(prompt_embeds=batch.prompt_embeds[half], seeds=batch.seeds[half]),
            recipe,
            store,
            load_pipe,
        )
    ]


def _render_if_it_fits(
    pipe: "ZImagePipeline", batch: Batch, recipe: DrawingRecipe
) -> list[bytes] | None:
    try:
        return _render(pipe, batch, recipe)
    except (torch.OutOfMemoryError, MemoryError):
        pass
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):  # on the CPU, torch has no class for it
            raise
    # Outside of the handlers, which hold on to the memory of the failed attempt.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def _render(pipe: "ZImagePipeline", batch: Batch, recipe: DrawingRecipe) -> list[bytes]:
    # Imported late: it takes seconds, and images from the store need none of it.
    from zimage_eval.model.autoencoder import decode_latents
    from zimage_eval.sampling.denoising import initial_latents, sample_latents

    negative = batch.negative_prompt_embeds
    num_images = len(batch.seeds)
    sample = sample_latents(
        pipe,
        batch.prompt_embeds,
        None if negative is None else [negative] * num_images,
        initial_latents(pipe, batch.seeds, recipe.settings.image),
        recipe.settings,
        batch.refiner_fit,
    )
    record = {
        "num_forwards": sample.num_forwards,
        "sigmas": sample.sigmas,
        "batch_size": num_images,
    }
    images = decode_latents(pipe.vae, sample.latents)
    return [encode_png(image, {RECORD_ENTRY: json.dumps(record)}) for image in images]


def _row(request: ImageRequest, image: GeneratedImage | None, error: str | None) -> dict[str, Any]:
    return {
        "variant": request.variant,
        "phase": request.phase,
        "prompt_id": request.prompt_id,
        "seed": request.seed,
        "file": request.file if image else None,
        "num_forwards": image.num_forwards if image else None,
        "sigmas": image.sigmas if image else None,
        "batch_size": image.batch_size if image else None,
        "error": error,
    }
