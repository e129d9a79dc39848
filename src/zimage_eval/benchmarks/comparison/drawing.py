"""All pictures of one compared model, as rows of an image table.

For the Z-Image family a plan of a prompt stands in the think block, where ZImagePipeline has no
argument for it; all else is encoded and drawn as that pipeline does at the recommended settings.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from zimage_eval.benchmarks.comparison.models import OtherPipeline
from zimage_eval.benchmarks.comparison.pipelines import draw_requests, load_pipeline
from zimage_eval.benchmarks.comparison.prompts import AskedPrompt
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.settings import Settings, override
from zimage_eval.model.devices import device_class, load_once, start_workers
from zimage_eval.model.folder import IMAGE_PARTS, max_caption_tokens, padded_length, weights_digest
from zimage_eval.model.transformer import load_image_side
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling.batches import Batch, ImageRequest, compose_batches
from zimage_eval.sampling.generation import count_missing, draw_images, image_row
from zimage_eval.sampling.image_keys import DrawingRecipe
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_prompts
from zimage_eval.text.wordings import word_prompt

Progress = Callable[[int], object]
"""Told how many images came since."""
DrawingJob = tuple[list[ImageRequest], Batch | str]
"""Images that are drawn together, or the reason why they can't be."""


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
) -> list[dict[str, Any]]:
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

    Raises:
        ValueError: something other than the settings ended it; says how many images are missing.
    """
    rows: list[dict[str, Any]] = []
    load_pipe = load_once(lambda: load_image_side(folder, spec.dtype, device))
    recipe = DrawingRecipe(
        weights_digest(folder, IMAGE_PARTS), spec.defaults, spec.dtype, device_class(device)
    )
    with count_missing(spec.title, len(requests)) as count, start_workers(device) as workers:
        jobs = zimage_jobs(requests, prompts, spec, load_text_side(folder, spec.dtype, device))

        def draw(job: DrawingJob) -> list[dict[str, Any]]:
            drawn = draw_images(*job, recipe, store, load_pipe, out)
            count(len(drawn))
            return drawn

        for drawn in workers.map(draw, jobs):
            rows += drawn
            progress(len(drawn))
    return rows


def draw_other(
    folder: Path,
    model: OtherPipeline,
    requests: Sequence[ImageRequest],
    prompts: Mapping[str, AskedPrompt],
    out: Path,
    device: torch.device,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Draw with another pipeline; a prompt with a plan is not available to it.

    Arguments as in `draw_zimage`.
    """
    planned = [request for request in requests if prompts[request.prompt_id].plan is not None]
    lacking = f"not available: {model.pipeline} has no think block"
    rows = [image_row(request, None, lacking) for request in planned]
    progress(len(planned))
    plain = [request for request in requests if prompts[request.prompt_id].plan is None]
    with count_missing(model.title, len(plain)) as count:
        pipe = load_pipeline(folder, model, device)
        for start in range(0, len(plain), model.batch_size):
            drawn = draw_requests(pipe, model, plain[start : start + model.batch_size], out)
            rows += drawn
            count(len(drawn))
            progress(len(drawn))
    return rows


def prompt_settings(defaults: Settings, prompt: AskedPrompt) -> Settings:
    """The recommended settings, with the prompt's plan in the think block if it has one."""
    if prompt.plan is None:
        return defaults
    return override(defaults, [(("encoder", "think_block"), prompt.plan)])


def zimage_jobs(
    requests: Sequence[ImageRequest],
    prompts: Mapping[str, AskedPrompt],
    spec: ModelSpec,
    side: TextSide,
) -> list[DrawingJob]:
    """Batches of one padded length each, in an order that the prompts alone decide.

    Args:
        requests: the images, in the order of the prompts.
        prompts: by id.
        spec: the model's recommended settings.
        side: its tokenizer and text encoder.
    """
    defaults, embeds = spec.defaults, {}
    for prompt_id in dict.fromkeys(request.prompt_id for request in requests):
        prompt = prompts[prompt_id]
        settings = prompt_settings(defaults, prompt)
        text = word_prompt(prompt.text, settings, side.tokenizer, spec.filler_sentences)
        embeds[prompt_id] = encode_prompts(*side, [text], settings.encoder)[0].cpu()
    negative = None
    if defaults.sampler.is_guided:
        unwanted = defaults.sampler.negative_prompt
        negative = encode_prompts(*side, [unwanted], defaults.encoder)[0].cpu()
    most = max_caption_tokens(defaults.rope)
    jobs: list[DrawingJob] = []
    lengths = [len(embeds[request.prompt_id]) for request in requests]
    for indices in compose_batches(lengths, spec.batch_size):
        members = [requests[index] for index in indices]
        longest = padded_length(lengths[indices[0]])
        if longest > most:
            jobs.append((members, f"{longest} tokens: captions end at {most}"))
            continue
        batch = Batch(
            [embeds[member.prompt_id] for member in members],
            negative,
            [member.seed for member in members],
        )
        jobs.append((members, batch))
    return jobs
