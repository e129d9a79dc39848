"""Where the seconds of one image go: a profile whose parts add up to the whole."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Final

from diffusers import ZImageTransformer2DModel

from zimage_eval.benchmarks.machine.loaded_model import LoadedModel
from zimage_eval.benchmarks.machine.results import MachineValue
from zimage_eval.benchmarks.machine.timing import Span, Timeline, synchronize
from zimage_eval.config.benchmarks import Profile
from zimage_eval.model.autoencoder import decode_latents
from zimage_eval.output.png import encode_png
from zimage_eval.prompts.sets import Prompt
from zimage_eval.sampling.denoising import initial_latents, sample_latents

PARTS: Final = {
    "encode": "the prompt, from its text to embeddings",
    "refine": "the caption, in the context refiner, once a forward",
    "denoise": "the rest of the transformer",
    "loop": "scheduler, noise, and what the pipeline does between forwards",
    "decode": "the latents to pixels",
    "save": "the pixels to a PNG file in memory",
}
"""Part -> what it includes. Every moment of an image belongs to exactly one part."""


def measure_profile(
    model: LoadedModel, entry: Profile, prompts: Sequence[Prompt]
) -> dict[str, dict[str, MachineValue]]:
    """A row per part, a row per forward, and the whole: seconds of one image drawn alone.

    Seconds are means over `num_repeats` images of as many prompts, after one image that is not
    counted. Means add up, medians would not. `clock_seconds` of the whole is measured by another
    clock, Python's, around all parts.
    """
    profiles, clock = [], []
    for number in range(entry.num_repeats + 1):
        prompt = prompts[number % len(prompts)]
        synchronize(model.device)
        start = time.perf_counter()
        spans = profile_image(model, prompt.text, seed=number)
        clock.append(time.perf_counter() - start)
        profiles.append(spans)
    return profile_rows(profiles[1:], clock[1:])


def profile_image(model: LoadedModel, text: str, seed: int) -> list[Span]:
    """Draw one image, from its text to its file, and return its spans."""
    timeline = Timeline(model.device)
    timeline.mark("start")
    settings = model.defaults
    captions = model.encode([text])
    negative = model.negative_prompt_embeds()
    timeline.mark("encode")
    with mark_forwards(model.pipe.transformer, timeline):
        negatives = None if negative is None else [negative]
        noise = initial_latents(model.pipe, [seed], settings.image)
        latents = sample_latents(model.pipe, captions, negatives, noise, settings).latents
    timeline.mark("loop")
    images = decode_latents(model.pipe.vae, latents)
    timeline.mark("decode")
    encode_png(images[0], {})
    timeline.mark("save")
    return timeline.spans()


@contextmanager
def mark_forwards(transformer: ZImageTransformer2DModel, timeline: Timeline) -> Iterator[None]:
    """Mark the start and end of each forward and of its context refiner.

    The hooks are registered on the module, because all its views share them (`module_views`).
    """
    blocks = transformer.context_refiner
    handles = [
        transformer.register_forward_pre_hook(lambda *_: timeline.mark("loop")),
        blocks[0].register_forward_pre_hook(lambda *_: timeline.mark("denoise")),
        blocks[-1].register_forward_hook(lambda *_: timeline.mark("refine")),
        transformer.register_forward_hook(lambda *_: timeline.mark("denoise")),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def profile_rows(
    profiles: Sequence[Sequence[Span]], clock_seconds: Sequence[float]
) -> dict[str, dict[str, MachineValue]]:
    """Means over images of the seconds of each part, of each forward, and of the whole."""
    num_images = len(profiles)
    whole = sum(span.seconds for spans in profiles for span in spans) / num_images
    rows: dict[str, dict[str, MachineValue]] = {}
    for part in PARTS:
        part_seconds = [
            sum(span.seconds for span in spans if span.name == part) for spans in profiles
        ]
        mean = sum(part_seconds) / num_images
        rows[part] = {
            "seconds": mean,
            "lowest_seconds": min(part_seconds),
            "highest_seconds": max(part_seconds),
            "share": mean / whole,
        }
    forwards = [forward_seconds(spans) for spans in profiles]
    for number, seconds in enumerate(zip(*forwards, strict=True), start=1):
        rows[f"forward={number}"] = {"seconds": sum(seconds) / num_images}
    rows["whole"] = {"seconds": whole, "clock_seconds": sum(clock_seconds) / num_images}
    return rows


def forward_seconds(spans: Sequence[Span]) -> list[float]:
    """Seconds of each forward, including its context refiner."""
    seconds: list[float] = []
    for before, span in pairwise(spans):
        if span.name in ("denoise", "refine"):
            if before.name == "loop":
                seconds.append(0.0)
            seconds[-1] += span.seconds
    return seconds
