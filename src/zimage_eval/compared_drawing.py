"""All pictures of one compared model, as rows of an image table."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from zimage_eval.compared_models import OtherPipeline
from zimage_eval.compared_pipelines import draw_requests, load_pipeline
from zimage_eval.compared_zimage import zimage_jobs
from zimage_eval.comparison_prompts import AskedPrompt
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.model.devices import load_once, start_workers
from zimage_eval.model.folder import IMAGE_PARTS, weights_digest
from zimage_eval.model.transformer import load_image_side
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling.batches import ImageRequest
from zimage_eval.sampling.generation import draw_images
from zimage_eval.sampling.image_keys import Recipe, device_class
from zimage_eval.text.encoder import load_text_side

Rows = list[dict[str, Any]]
Progress = Callable[[int], object]
"""Told how many images came since."""


def compared_requests(model: str, prompts: Iterable[AskedPrompt]) -> list[ImageRequest]:
    """An image a prompt and seed, in their order; the model's name is the variant."""
    return [
        ImageRequest(model, "screen", prompt.prompt_id, seed, prompt.text)
        for prompt in prompts
        for seed in prompt.seeds
    ]


def draw_zimage(
    folder: Path,
    spec: ModelSpec,
    requests: Sequence[ImageRequest],
    prompts: Mapping[str, AskedPrompt],
    store: ImageStore,
    out: Path,
    device: torch.device,
    progress: Progress,
) -> Rows:
    """Draw with a model of the Z-Image family, or take the pictures from the store.

    Args:
        folder: of the weights.
        spec: the recommended settings.
        requests: the images.
        prompts: by id.
        store: may be one that holds nothing.
        out: where the pictures go.
        device: where to compute.
        progress: told after each batch.
    """
    rows: Rows = []
    load_pipe = load_once(lambda: load_image_side(folder, spec.dtype, device))
    recipe = Recipe(
        weights_digest(folder, IMAGE_PARTS), spec.defaults, spec.dtype, device_class(device)
    )
    with start_workers(device) as workers:
        jobs = zimage_jobs(requests, prompts, spec, load_text_side(folder, spec.dtype, device))

        def draw(job: tuple[list[ImageRequest], Any]) -> Rows:
            return draw_images(*job, recipe, store, load_pipe, out)

        for made in workers.map(draw, jobs):
            rows += made
            progress(len(made))
    return rows


def draw_other(
    folder: Path,
    model: OtherPipeline,
    requests: Sequence[ImageRequest],
    prompts: Mapping[str, AskedPrompt],
    out: Path,
    device: torch.device,
    progress: Progress,
) -> Rows:
    """Draw with another pipeline; a prompt with a plan is not available to it.

    Arguments as in `draw_zimage`.
    """
    planned = [request for request in requests if prompts[request.prompt_id].plan is not None]
    rows = [_not_available(request, f"{model.pipeline} has no think block") for request in planned]
    progress(len(planned))
    drawn = [request for request in requests if prompts[request.prompt_id].plan is None]
    pipe = load_pipeline(folder, model, device)
    for start in range(0, len(drawn), model.batch_size):
        made = draw_requests(pipe, model, drawn[start : start + model.batch_size], out)
        rows += made
        progress(len(made))
    return rows


def _not_available(request: ImageRequest, reason: str) -> dict[str, Any]:
    names = ("variant", "phase", "prompt_id", "seed")
    unknown = dict.fromkeys(("file", "num_forwards", "sigmas", "batch_size"))
    error = f"not available: {reason}"
    return {name: getattr(request, name) for name in names} | unknown | {"error": error}
