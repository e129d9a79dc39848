"""A batch of prompt embeddings and seeds -> PNG files, from the image store or newly made."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from zimage_eval.config.setting_groups import ImageSettings
from zimage_eval.output.png import decode_png, encode_png, pixels_digest, read_png_text
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling.batches import Batch, ImageRequest
from zimage_eval.sampling.image_keys import DrawingRecipe, image_keys

if TYPE_CHECKING:
    from diffusers import ZImagePipeline

RECORD_ENTRY = "zimage_eval"
"""Name of the PNG text entry that says how an image was made."""
MISTAKES = (AssertionError, AttributeError, LookupError, NameError, TypeError)
"""Errors of this program, whose traceback is to be seen."""


class GeneratedImage(NamedTuple):
    """An image as it is saved, and how it came about."""

    png: bytes
    num_forwards: int
    """Transformer evaluations for this image; with guidance, two a step."""
    sigmas: list[float]
    batch_size: int
    """Images that went through the transformer together."""
    pixels: str
    """Digest of its pixels (`pixels_digest`)."""


def draw_images(
    requests: Sequence[ImageRequest],
    batch: Batch | str,
    recipe: DrawingRecipe,
    store: ImageStore,
    load_pipe: Callable[[], "ZImagePipeline"],
    folder: Path,
) -> list[dict[str, Any]]:
    """Write the images of one batch into a folder; returns their rows of an IMAGES table.

    What the settings decide is a row with its reason: a batch that is only a reason why it can't
    be, or whose images are not finite. Any other error may pass by itself, and is raised.

    Raises:
        MemoryError: there is not enough memory for one image.
        OSError: a file can't be written, or the weights can't be read.
    """
    if isinstance(batch, str):
        return [image_row(request, None, f"not available: {batch}") for request in requests]
    try:
        images = generate_batch(batch, recipe, store, load_pipe)
    except FloatingPointError as error:
        return [image_row(request, None, error_in_words(error)) for request in requests]
    for request, image in zip(requests, images, strict=True):
        write_image(folder / request.file, image.png)
    return [image_row(*pair, None) for pair in zip(requests, images, strict=True)]


@contextmanager
def count_missing(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """What is called with the number of images that are done; an error says how many are missing.

    Args:
        name: of what is drawn.
        total: images that it takes.

    Raises:
        ValueError: something other than a mistake of this program ended the drawing.
    """
    done: list[int] = []
    try:
        yield done.append
    except MISTAKES:
        raise
    except Exception as error:
        missing = f"{total - sum(done)} of {total} images are missing"
        raise ValueError(f"{name}: {missing}: {error_in_words(error)}") from error


def error_in_words(error: Exception) -> str:
    """One line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def write_image(path: Path, png: bytes) -> None:
    """Write a file and the folders it lies in; an OSError names it, a full disk's too."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


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
    images = store.load(keys, partial(_stored_image, size=recipe.settings.image))
    if images is not None:
        return images
    files = _render_if_it_fits(load_pipe(), batch, recipe)
    if files is not None:
        store.save(keys, files)
        return [_with_record(png, decode_png(png)) for png in files]
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


def _stored_image(png: bytes, size: ImageSettings) -> GeneratedImage:
    """An image of the store; ValueError if it is none, or has another size than asked for."""
    image = decode_png(png)
    if image.shape != (3, size.height, size.width):
        raise ValueError("its size is not the one asked for")
    return _with_record(png, image)


def _with_record(png: bytes, image: torch.Tensor) -> GeneratedImage:
    record = read_png_text(png).get(RECORD_ENTRY)
    if record is None:
        raise ValueError(f"it holds no text {RECORD_ENTRY}")
    return GeneratedImage(png, **json.loads(record), pixels=pixels_digest(image))


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


def image_row(
    request: ImageRequest, image: GeneratedImage | None, error: str | None
) -> dict[str, Any]:
    """A row of an IMAGES table: of an image, or of the reason why there is none."""
    return {
        "variant": request.variant,
        "phase": request.phase,
        "prompt_id": request.prompt_id,
        "seed": request.seed,
        "file": request.file if image else None,
        "num_forwards": image.num_forwards if image else None,
        "sigmas": image.sigmas if image else None,
        "batch_size": image.batch_size if image else None,
        "pixels": image.pixels if image else None,
        "error": error,
    }
