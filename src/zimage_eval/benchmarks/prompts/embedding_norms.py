"""Whether the length of a prompt's vectors can matter: pictures of it at other lengths."""

from collections.abc import Sequence

import numpy as np
import torch

from zimage_eval.benchmarks.shared.content_vectors import CaptionNorm
from zimage_eval.benchmarks.shared.drawn_prompts import (
    DrawingRequest,
    JudgedDrawing,
    Painter,
    draw_and_judge,
)
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.facts import Facts
from zimage_eval.text.embeddings import TextEmbeddings

NOTHING_VISIBLE = 1
"""Levels of 255 by which rounding may move a pixel."""


def scaled_pictures(
    encoded: Sequence[TextEmbeddings],
    facts: Sequence[Facts],
    seeds: Sequence[int],
    scales: Sequence[float],
    norm: CaptionNorm,
    artist: Painter,
) -> tuple[dict[str, dict[str, float | None]], list[Measurement]]:
    """Pictures of embeddings times each scale, and times a random factor a token (0.1 to 10).

    Returns:
        By scale, the largest relative change behind the transformer's first norm and the largest
        change of a pixel (levels of 255); and both for each prompt. As a control, one channel of
        fifty times its value, which does change what the transformer sees.
    """
    rng = np.random.default_rng(0)
    originals = [entry.prompt_embeds.float() for entry in encoded]
    changed: dict[str, list[torch.Tensor]] = {
        f"scale={scale:g}": [vectors * scale for vectors in originals] for scale in scales
    }
    changed["scale=random_by_token"] = [
        vectors * torch.tensor(10 ** rng.uniform(-1, 1, (len(vectors), 1)), dtype=torch.float32)
        for vectors in originals
    ]
    changed["one_channel_times_50"] = [_one_channel(vectors) for vectors in originals]
    base = _draw(originals, seeds, facts, artist)
    rows: dict[str, dict[str, float | None]] = {}
    observations = []
    for name, vectors in changed.items():
        drawn = _draw(vectors, seeds, facts, artist)
        seen = [_change(norm, *pair) for pair in zip(vectors, originals, strict=True)]
        pixels = [_pixel_change(*pair) for pair in zip(drawn, base, strict=True)]
        rows[name] = {
            "largest_change_after_norm": max(seen),
            "largest_pixel_change": max(pixels),
            "pictures_that_change": float(np.mean([p > NOTHING_VISIBLE for p in pixels])),
            "num_prompts": len(pixels),
        }
        observations += [
            Measurement(name, entry.text, 0, "norm", "pixel_change", pixel)
            for entry, pixel in zip(encoded, pixels, strict=True)
        ]
    return rows, observations


def _one_channel(vectors: torch.Tensor) -> torch.Tensor:
    changed = vectors.clone()
    changed[:, 0] *= 50
    return changed


def _draw(
    vectors: Sequence[torch.Tensor], seeds: Sequence[int], facts: Sequence[Facts], artist: Painter
) -> list[JudgedDrawing]:
    return draw_and_judge(
        [DrawingRequest(*each) for each in zip(vectors, seeds, facts, strict=True)], artist
    )


def _change(norm: CaptionNorm, vectors: torch.Tensor, original: torch.Tensor) -> float:
    """Largest change of a value behind the norm, relative to the largest value there."""
    one, other = norm(vectors.double().numpy()), norm(original.double().numpy())
    return float(np.abs(one - other).max() / np.abs(other).max())


def _pixel_change(one: JudgedDrawing, other: JudgedDrawing) -> float:
    levels = one.picture.pixels.astype(np.int64) - other.picture.pixels.astype(np.int64)
    return float(np.abs(levels).max())
