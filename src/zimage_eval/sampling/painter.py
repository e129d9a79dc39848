"""The one way from prompt embeddings and settings to pictures.

A painter divides what it is asked for into batches, takes a batch's pictures from the image store
or makes them, and keeps them there. Whoever needs a picture of a Z-Image model asks a painter.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch

from zimage_eval.config.model_spec import DtypeSettings, Engine
from zimage_eval.config.settings import Settings
from zimage_eval.model.devices import device_class, load_once, pick_device, start_workers
from zimage_eval.model.folder import IMAGE_PARTS, weights_digest
from zimage_eval.model.transformer import load_image_side
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling.batches import (
    Batch,
    ImageRequest,
    PaintRequest,
    PlannedImages,
    divide_request,
)
from zimage_eval.sampling.generation import (
    GeneratedImage,
    count_images,
    error_in_words,
    image_row,
    render_batch,
    stored_image,
    write_image,
)
from zimage_eval.sampling.image_keys import DrawingRecipe, image_keys

if TYPE_CHECKING:
    from diffusers import ZImagePipeline


_NUM_ENCODERS: Final = 2
"""Threads that turn pictures into files while a GPU draws the next: they take under a fifth of its
time each."""
_RowJob = tuple[list[ImageRequest], Callable[[], list[GeneratedImage]] | str]
"""Images that are drawn together, and what draws them or the reason why nothing can."""


class Painter(NamedTuple):
    """A model, and what its pictures are made with."""

    load_pipe: "Callable[[], ZImagePipeline]"
    """Called only when something has to be made; loads the weights once."""
    weights: str
    """Digest of everything that is loaded (`weights_digest`)."""
    dtype: DtypeSettings
    """The model's number formats."""
    batch_size: int
    """Most pictures that are denoised together."""
    device: torch.device
    store: ImageStore
    """Of pictures drawn before; may be one that holds nothing."""
    workers: Executor
    engine: Engine = "eager"
    """How the model runs."""

    def paint(self, request: PaintRequest, name: str) -> list[GeneratedImage]:
        """All pictures of a request, in its order.

        Args:
            request: pictures that share their settings.
            name: of what is drawn, for the progress bar and the error.

        Raises:
            ValueError: a picture can't be made, or is not finite; says how many are missing.
        """

        def draw(part: tuple[list[int], Batch | str]) -> list[tuple[int, GeneratedImage]]:
            places, batch = part
            if isinstance(batch, str):
                raise ValueError(f"not available: {batch}")
            return list(zip(places, self.draw(batch, request.settings), strict=True))

        by_place: dict[int, GeneratedImage] = {}
        with count_images(name, len(request.seeds)) as count:
            for images in self.workers.map(draw, divide_request(request, self.batch_size)):
                by_place.update(images)
                count(len(images))
        return [by_place[place] for place in range(len(request.seeds))]

    def paint_rows(
        self, planned: Sequence[PlannedImages], folder: Path, name: str
    ) -> list[dict[str, Any]]:
        """Write images into a folder; returns their rows of an IMAGES table, batch by batch.

        What the settings decide is a row with its reason: what the model can't do, or a batch whose
        images are not finite. Any other error may pass by itself, and is raised.

        Args:
            planned: the images.
            folder: where they go.
            name: of what is drawn, for the progress bar and the error.

        Raises:
            ValueError: something other than the settings ended it; says how many are missing.
        """
        jobs = [job for requests, how in planned for job in self._row_jobs(requests, how)]

        def draw(job: _RowJob) -> list[dict[str, Any]]:
            return _draw_rows(*job, folder)

        rows = []
        with count_images(name, sum(len(requests) for requests, _ in planned)) as count:
            for drawn in self.workers.map(draw, jobs):
                rows += drawn
                count(len(drawn))
        return rows

    def draw(self, batch: Batch, settings: Settings) -> list[GeneratedImage]:
        """The images of a batch, taken from the store if it holds all of them, made otherwise.

        Out of memory while it is denoised, the two halves of the batch are made as batches of their
        own. Out of memory later, the denoised images are decoded one at a time.

        Raises:
            MemoryError: there is not enough memory for one image.
            FloatingPointError: an image is not finite.
        """
        device = device_class(self.device)
        recipe = DrawingRecipe(self.weights, settings, self.dtype, device, self.engine)
        keys = image_keys(recipe, batch)
        stored = self.store.load(keys, partial(stored_image, size=settings.image))
        if stored is not None:
            return stored
        images = render_batch(self.load_pipe(), batch, settings)
        if images is not None:
            self.store.save(keys, [image.png for image in images])
            return images
        middle = len(batch.seeds) // 2
        if middle == 0:
            raise MemoryError(f"out of memory at batch size 1 on {recipe.device}")
        return [
            image
            for half in (slice(None, middle), slice(middle, None))
            for image in self.draw(
                batch._replace(prompt_embeds=batch.prompt_embeds[half], seeds=batch.seeds[half]),
                settings,
            )
        ]

    def _row_jobs(
        self, requests: Sequence[ImageRequest], how: PaintRequest | str
    ) -> Iterator["_RowJob"]:
        if isinstance(how, str):
            yield list(requests), how
            return
        for places, batch in divide_request(how, self.batch_size):
            draw = batch if isinstance(batch, str) else partial(self.draw, batch, how.settings)
            yield [requests[place] for place in places], draw


@contextmanager
def open_painter(
    folder: Path,
    dtype: DtypeSettings,
    batch_size: int,
    store: ImageStore,
    engine: Engine = "eager",
) -> Iterator[Painter]:
    """A painter with the weights of a folder, on the device that there is.

    Torch computes in a single thread from now on if the device is a CPU (`start_workers`).

    Args:
        folder: of the weights.
        dtype: number formats to load them in.
        batch_size: most pictures that are denoised together.
        store: of pictures drawn before.
        engine: how the model runs on a GPU; on a CPU it is always eager.
    """
    device = pick_device()
    engine = engine if device.type == "cuda" else "eager"
    with start_workers(device, num_on_gpu=1 + _NUM_ENCODERS) as workers:
        yield Painter(
            load_once(lambda: load_engine(folder, dtype, device, engine)),
            weights_digest(folder, IMAGE_PARTS),
            dtype,
            batch_size,
            device,
            store,
            workers,
            engine,
        )


def load_engine(
    folder: Path, dtype: DtypeSettings, device: torch.device, engine: Engine
) -> "ZImagePipeline":
    """The image side of a model, ready to run with an engine; errors as `load_image_side`."""
    pipe = load_image_side(folder, dtype, device)
    if engine == "eager":
        return pipe
    # Imported late: the compiler takes seconds, and no other engine needs it.
    from zimage_eval.model.compiled import compile_image_side

    return compile_image_side(pipe)


def _draw_rows(
    requests: Sequence[ImageRequest], draw: Callable[[], list[GeneratedImage]] | str, folder: Path
) -> list[dict[str, Any]]:
    if isinstance(draw, str):
        return [image_row(request, None, f"not available: {draw}") for request in requests]
    try:
        images = draw()
    except FloatingPointError as error:
        return [image_row(request, None, error_in_words(error)) for request in requests]
    for request, image in zip(requests, images, strict=True):
        write_image(folder / request.file, image.png)
    return [image_row(*pair, None) for pair in zip(requests, images, strict=True)]
