"""All pictures of one compared model, as rows of an image table.

For the Z-Image family a plan of a prompt stands in the think block, where ZImagePipeline has no
argument for it; all else is encoded and drawn as that pipeline does at the recommended settings.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from zimage_eval.benchmarks.comparison.models import OtherPipeline
from zimage_eval.benchmarks.comparison.pipelines import draw_requests, load_pipeline
from zimage_eval.benchmarks.comparison.prompts import AskedPrompt
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.settings import Settings, override
from zimage_eval.output.store import ImageStore
from zimage_eval.sampling.batches import ImageRequest, PaintRequest
from zimage_eval.sampling.generation import count_images, image_row
from zimage_eval.sampling.painter import open_painter
from zimage_eval.text.encoder import TextSide, load_text_side
from zimage_eval.text.encoding import encode_prompts
from zimage_eval.text.wordings import word_prompt


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
) -> list[dict[str, Any]]:
    """Draw with a model of the Z-Image family, or take the pictures from the store.

    Args:
        folder: of the weights.
        spec: the recommended settings.
        requests: the images.
        prompts: by id.
        store: may be one that holds nothing.
        out: where the pictures go.

    Raises:
        ValueError: something other than the settings ended it; says how many images are missing.
    """
    with open_painter(folder, spec.dtype, spec.batch_size, store, spec.engine) as painter:
        side = load_text_side(folder, spec.dtype, painter.device)
        request = zimage_request(requests, prompts, spec, side)
        return painter.paint_rows([(list(requests), request)], out, spec.title)


def draw_other(
    folder: Path,
    model: OtherPipeline,
    requests: Sequence[ImageRequest],
    prompts: Mapping[str, AskedPrompt],
    out: Path,
    device: torch.device,
) -> list[dict[str, Any]]:
    """Draw with another pipeline; a prompt with a plan is not available to it.

    Arguments as in `draw_zimage`, and the device to compute on.
    """
    planned = [request for request in requests if prompts[request.prompt_id].plan is not None]
    lacking = f"not available: {model.pipeline} has no think block"
    rows = [image_row(request, None, lacking) for request in planned]
    plain = [request for request in requests if prompts[request.prompt_id].plan is None]
    with count_images(model.title, len(plain)) as count:
        pipe = load_pipeline(folder, model, device)
        for start in range(0, len(plain), model.batch_size):
            drawn = draw_requests(pipe, model, plain[start : start + model.batch_size], out)
            rows += drawn
            count(len(drawn))
    return rows


def prompt_settings(defaults: Settings, prompt: AskedPrompt) -> Settings:
    """The recommended settings, with the prompt's plan in the think block if it has one."""
    if prompt.plan is None:
        return defaults
    return override(defaults, [(("encoder", "think_block"), prompt.plan)])


def zimage_request(
    requests: Sequence[ImageRequest],
    prompts: Mapping[str, AskedPrompt],
    spec: ModelSpec,
    side: TextSide,
) -> PaintRequest:
    """The images as a painter is asked for them.

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
    return PaintRequest(
        defaults,
        [embeds[request.prompt_id] for request in requests],
        [request.seed for request in requests],
        negative,
        None,
    )
