"""A batch of prompt embeddings and seeds -> latents -> pictures -> PNG files and their rows."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import torch

from zimage_eval.config.setting_groups import ImageSettings
from zimage_eval.config.settings import Settings
from zimage_eval.output.png import decode_png, encode_png, pixels_digest, read_png_text
from zimage_eval.output.progress import progress_interval
from zimage_eval.sampling.batches import Batch, ImageRequest

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, ZImagePipeline

    from zimage_eval.sampling.denoising import Sample

Outcome = TypeVar("Outcome")

RECORD_ENTRY = "zimage_eval"
"""Name of the PNG text entry that says how an image was made."""
MISTAKES = (AssertionError, AttributeError, LookupError, NameError, TypeError)
"""Errors of this program, whose traceback is to be seen."""
_GPU_TURN = Lock()


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


@contextmanager
def count_images(name: str, total: int) -> Iterator[Callable[[int], None]]:
    """`count_missing` with a progress bar."""
    from tqdm import tqdm

    interval = progress_interval()
    with (
        count_missing(name, total) as count,
        tqdm(total=total, desc=name, unit="image", mininterval=interval) as bar,
    ):

        def advance(number: int) -> None:
            count(number)
            bar.update(number)

        yield advance


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


def render_batch(
    pipe: "ZImagePipeline", batch: Batch, settings: Settings
) -> list[GeneratedImage] | None:
    """The images of a batch, newly made; None if it can't be denoised in the memory there is.

    Raises:
        MemoryError: it is denoised, but there is not enough memory to decode one image.
        FloatingPointError: an image is not finite.
    """
    with _turn_on(pipe.device):
        sample = _if_it_fits(lambda: denoise_batch(pipe, batch, settings))
        if sample is None:
            return None
        pixels = decode_batch(pipe.vae, sample.latents)
    record: dict[str, Any] = {
        "num_forwards": sample.num_forwards,
        "sigmas": list(sample.sigmas),
        "batch_size": len(batch.seeds),
    }
    text = {RECORD_ENTRY: json.dumps(record)}
    return [
        GeneratedImage(encode_png(image, text), **record, pixels=pixels_digest(image))
        for image in pixels
    ]


def _turn_on(device: torch.device) -> AbstractContextManager[object]:
    """On a GPU one batch at a time, while other threads encode and write; on a CPU all at once."""
    return _GPU_TURN if device.type == "cuda" else nullcontext()


def denoise_batch(pipe: "ZImagePipeline", batch: Batch, settings: Settings) -> "Sample":
    """From noise to latents."""
    # Imported late: it takes seconds, and images from the store need none of it.
    from zimage_eval.sampling.denoising import initial_latents, sample_latents

    negative = batch.negative_prompt_embeds
    return sample_latents(
        pipe,
        batch.prompt_embeds,
        None if negative is None else [negative] * len(batch.seeds),
        initial_latents(pipe, batch.seeds, settings.image),
        settings,
        batch.refiner_fit,
    )


def decode_batch(vae: "AutoencoderKL", latents: torch.Tensor) -> torch.Tensor:
    """Images `(batch, 3, height, width)` uint8 on the CPU.

    Out of memory, they are decoded one at a time, from the same latents. This can change last bits:
    of 659 pictures of nano, 307 then had a level more or less somewhere, in 457 of 8.1 million
    values (float32 on a CPU). So it is no more than the way out.

    Raises:
        MemoryError: there is not enough memory for one image.
        FloatingPointError: an image is not finite.
    """
    from zimage_eval.model.autoencoder import decode_latents

    images = _if_it_fits(lambda: decode_latents(vae, latents))
    if images is None and len(latents) > 1:
        return torch.cat([decode_batch(vae, image[None]) for image in latents])
    if images is None:
        raise MemoryError(f"out of memory while one image is decoded on {vae.device}")
    return images


def _if_it_fits(attempt: Callable[[], Outcome]) -> Outcome | None:
    """What `attempt` returns, or None if it runs out of memory."""
    try:
        return attempt()
    except (torch.OutOfMemoryError, MemoryError):
        pass
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):  # on the CPU, torch has no class for it
            raise
    # Outside of the handlers, which hold on to the memory of the failed attempt.
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def stored_image(png: bytes, size: ImageSettings) -> GeneratedImage:
    """An image of the store; ValueError if it is none, or has another size than asked for."""
    image = decode_png(png)
    if image.shape != (3, size.height, size.width):
        raise ValueError("its size is not the one asked for")
    record = read_png_text(png).get(RECORD_ENTRY)
    if record is None:
        raise ValueError(f"it holds no text {RECORD_ENTRY}")
    return GeneratedImage(png, **json.loads(record), pixels=pixels_digest(image))


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
