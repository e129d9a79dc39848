"""The sides of a comparison of speed, and how they take turns (tools/bench_engine.py)."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from diffusers import ZImagePipeline

from zimage_eval.config.settings import Settings
from zimage_eval.output.png import pixels_digest, read_picture
from zimage_eval.prompts.sets import load_prompt_set
from zimage_eval.sampling.batches import ImageRequest, PaintRequest, compose_batches
from zimage_eval.sampling.painter import Painter
from zimage_eval.text.encoder import TextSide
from zimage_eval.text.encoding import encode_prompts
from zimage_eval.text.tokens import tokenize


class Job(NamedTuple):
    """An image to draw."""

    text: str
    seed: int
    prompt_embeds: torch.Tensor


class Side(NamedTuple):
    """One side of a comparison."""

    name: str
    draw: Callable[[Sequence[Job], Path], None]
    """Draws images into a folder, numbered from 0."""


def pick_texts(side: TextSide, settings: Settings, prompts: Path, number: int) -> list[str]:
    """Prompts of the most common padded length, in their order, from the start when they end."""
    texts = [prompt.text for prompt in load_prompt_set(prompts)]
    lengths = [tokenize(side.tokenizer, text, settings.encoder).caption_length for text in texts]
    members = max(compose_batches(lengths, len(texts)), key=len)
    return [texts[members[place % len(members)]] for place in range(number)]


def make_jobs(side: TextSide, settings: Settings, texts: Sequence[str]) -> list[Job]:
    """A picture a text, each with its own seed."""
    embeds = encode_prompts(*side, texts, settings.encoder)
    return [
        Job(text, seed, entry.float().cpu())
        for seed, (text, entry) in enumerate(zip(texts, embeds, strict=True))
    ]


def plain_side(pipe: ZImagePipeline, settings: Settings) -> Side:
    """The pipeline of diffusers called with a prompt at a time."""

    def draw(jobs: Sequence[Job], folder: Path) -> None:
        for number, job in enumerate(jobs):
            image = pipe(
                job.text,
                height=settings.image.height,
                width=settings.image.width,
                num_inference_steps=settings.sampler.num_inference_steps,
                guidance_scale=0.0,
                generator=torch.Generator("cpu").manual_seed(job.seed),
            ).images[0]
            image.save(folder / f"{number}.png")

    return Side("plain", draw)


def painter_side(name: str, painter: Painter, settings: Settings) -> Side:
    """The stage's painter, with embeddings given, as the graph has them."""

    def draw(jobs: Sequence[Job], folder: Path) -> None:
        requests = [ImageRequest(name, "screen", f"{n}", n, job.text) for n, job in enumerate(jobs)]
        request = PaintRequest(
            settings, [job.prompt_embeds for job in jobs], [job.seed for job in jobs], None, None
        )
        for row in painter.paint_rows([(requests, request)], folder, name):
            assert row["error"] is None, row["error"]
            (folder / row["file"]).rename(folder / f"{row['seed']}.png")

    return Side(name, draw)


def alternate(
    sides: Sequence[Side], jobs: Sequence[Job], around: Callable[[], object]
) -> dict[str, list[float]]:
    """Images a second of each block of each side: there and back; `around` runs before each."""
    rates: dict[str, list[float]] = {side.name: [] for side in sides}
    for side in (*sides, *reversed(sides)):
        around()
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            side.draw(jobs, Path(folder))
            seconds = time.perf_counter() - start
        rates[side.name].append(len(jobs) / seconds)
        print(f"{side.name}: {rates[side.name][-1]:.4f} images/s", flush=True)
    return rates


def same_pixels(first: Side, second: Side, jobs: Sequence[Job]) -> float:
    """Share of the pictures that are equal to the last bit."""
    digests = []
    for side in (first, second):
        with tempfile.TemporaryDirectory() as folder:
            side.draw(jobs, Path(folder))
            paths = [Path(folder) / f"{number}.png" for number in range(len(jobs))]
            digests.append([pixels_digest(read_picture(path)) for path in paths])
    return sum(a == b for a, b in zip(*digests, strict=True)) / len(jobs)


def warm_up(sides: Sequence[Side], jobs: Sequence[Job]) -> dict[str, float]:
    """Seconds of each side's first pictures, with loading and compiling."""
    seconds = {}
    for side in sides:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            side.draw(jobs, Path(folder))
            seconds[side.name] = time.perf_counter() - start
        print(f"{side.name}: first {len(jobs)} in {seconds[side.name]:.1f} s", flush=True)
    return seconds


def batches_side(
    pipe: ZImagePipeline, settings: Settings, batch_size: int, num_threads: int
) -> Side:
    """The pipeline of diffusers with the painter's batches and all threads, embeddings given."""

    def draw(jobs: Sequence[Job], folder: Path) -> None:
        torch.set_num_threads(num_threads)
        lengths = [len(job.prompt_embeds) for job in jobs]
        for places in compose_batches(lengths, batch_size):
            images = pipe(
                prompt_embeds=[jobs[place].prompt_embeds for place in places],
                generator=[torch.Generator("cpu").manual_seed(jobs[p].seed) for p in places],
                height=settings.image.height,
                width=settings.image.width,
                num_inference_steps=settings.sampler.num_inference_steps,
                guidance_scale=0.0,
            ).images
            for place, image in zip(places, images, strict=True):
                image.save(folder / f"{place}.png")
        torch.set_num_threads(1)

    return Side("pipeline", draw)
