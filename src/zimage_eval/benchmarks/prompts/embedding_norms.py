"""Whether the length of embedding vectors matters: draw pictures from scaled embeddings."""

from collections.abc import Sequence

import numpy as np
import torch

from zimage_eval.benchmarks.shared.content_vectors import CaptionNorm
from zimage_eval.benchmarks.shared.drawn_prompts import (
    DrawingRequest,
    JudgedDrawing,
    PainterAndJudge,
    draw_and_judge,
)
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.facts import Facts
from zimage_eval.text.embeddings import TextEmbeddings

MAX_ROUNDING = 1
"""Largest change of a pixel that still counts as rounding, in levels of 255."""


def scaled_pictures(
    encoded: Sequence[TextEmbeddings],
    facts: Sequence[Facts],
    seeds: Sequence[int],
    scales: Sequence[float],
    norm: CaptionNorm,
    studio: PainterAndJudge,
) -> tuple[dict[str, dict[str, float | None]], list[Measurement]]:
    """Draw pictures from embeddings times each scale, and times a random factor per token.

    Random factors are between 0.1 and 10. As a control, one channel is multiplied by 50, which does
    change what the transformer sees.

    Returns:
        A row per scale: the largest relative change after the transformer's first norm, and the
        largest change of a pixel (in levels of 255). And the change of a pixel for each prompt.
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
    base = _draw(originals, seeds, facts, studio)
    rows: dict[str, dict[str, float | None]] = {}
    observations = []
    for name, vectors in changed.items():
        drawn = _draw(vectors, seeds, facts, studio)
        norm_changes = [_change(norm, *pair) for pair in zip(vectors, originals, strict=True)]
        pixels = [_pixel_change(*pair) for pair in zip(drawn, base, strict=True)]
        rows[name] = {
            "largest_change_after_norm": max(norm_changes),
            "largest_pixel_change": max(pixels),
            "pictures_that_change": float(np.mean([pixel > MAX_ROUNDING for pixel in pixels])),
            "num_prompts": len(pixels),
        }
        observations += [
            Measurement(
                variant=name,
                unit=entry.text,
                replicate=0,
                category="norm",
                metric="pixel_change",
                value=pixel,
            )
            for entry, pixel in zip(encoded, pixels, strict=True)
        ]
    return rows, observations


def _one_channel(vectors: torch.Tensor) -> torch.Tensor:
    changed = vectors.clone()
    changed[:, 0] *= 50
    return changed


def _draw(
    vectors: Sequence[torch.Tensor],
    seeds: Sequence[int],
    facts: Sequence[Facts],
    studio: PainterAndJudge,
) -> list[JudgedDrawing]:
    return draw_and_judge(
        [
            DrawingRequest(*request_values)
            for request_values in zip(vectors, seeds, facts, strict=True)
        ],
        studio,
    )


def _change(norm: CaptionNorm, vectors: torch.Tensor, original: torch.Tensor) -> float:
    """Largest change of a value after the norm, relative to the largest value there."""
    changed, reference = norm(vectors.double().numpy()), norm(original.double().numpy())
    return float(np.abs(changed - reference).max() / np.abs(reference).max())


def _pixel_change(drawing: JudgedDrawing, reference: JudgedDrawing) -> float:
    levels = drawing.picture.pixels.astype(np.int64) - reference.picture.pixels.astype(np.int64)
    return float(np.abs(levels).max())
