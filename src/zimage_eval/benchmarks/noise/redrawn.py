"""The baseline drawn again with another batch size, another number format and another seed.

The change by another batch size or number format is the floor: a smaller distance means nothing.
The change by another seed is the ceiling: how far two pictures of one prompt differ by chance.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from zimage_eval.benchmarks.noise.arms import NoiseArm
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.judges.judges import decode_picture
from zimage_eval.metrics.metric import Metric
from zimage_eval.metrics.picture_scores import Comparisons, PictureInputs, PicturePair
from zimage_eval.model.folder import ModelLimits
from zimage_eval.output.observations import Measurement
from zimage_eval.prompts.sets import PromptRow, prompt_seeds
from zimage_eval.sampling.batches import Embeddings, ImageRequest, plan_variant, request_phase
from zimage_eval.sampling.painter import Painter
from zimage_eval.text.needed_encodings import PhaseTexts
from zimage_eval.text.wordings import Wordings

PicturesByPrompt = dict[str, np.ndarray]
"""Prompt id -> (height, width, 3) uint8."""


class SharedInputs(NamedTuple):
    """Prompts and embeddings, which are the same for all arms."""

    variant: Variant
    """The baseline."""
    prompts: Sequence[PromptRow]
    """Of the prompt table of the screening phase."""
    wordings: Wordings
    embeddings: Embeddings
    limits: ModelLimits


def draw_arm(arm: NoiseArm, drawing: SharedInputs, painter: Painter) -> PicturesByPrompt:
    """A picture of each prompt.

    The seed is the prompt's first one, or, for the ceiling, one that no phase uses.

    Args:
        arm: what to draw.
        drawing: what it shares with the others.
        painter: with the arm's number format and batch size.

    Raises:
        ValueError: the model can't draw its own defaults, or an image can't be made or is not
            finite; says how many are missing.
    """
    texts: PhaseTexts = {"screen": [prompt["text"] for prompt in drawing.prompts]}
    planned = plan_variant(
        drawing.variant,
        _requests(arm, drawing.prompts),
        drawing.wordings,
        drawing.embeddings,
        drawing.limits,
        texts,
    )
    pictures = {}
    for requests, how in planned:
        if isinstance(how, str):
            raise ValueError(f"the baseline is not available: {how}")
        for request, image in zip(requests, painter.paint(how, arm.name), strict=True):
            pictures[request.prompt_id] = decode_picture(image.png).pixels
    return pictures


def _requests(arm: NoiseArm, prompts: Sequence[PromptRow]) -> list[ImageRequest]:
    chosen = []
    for prompt in prompts:
        unused = prompt_seeds(prompt["prompt_id"], len(prompt["seeds"]) + 1)[-1]
        seed = unused if arm.has_other_seed else prompt["seeds"][0]
        chosen.append({**prompt, "seeds": [seed]})
    return request_phase(arm.name, "screen", chosen)


def distances(
    arm: str,
    pictures: PicturesByPrompt,
    baseline: PicturesByPrompt,
    categories: Mapping[str, str],
    metrics: Mapping[str, Metric],
    networks: Mapping[str, Any],
) -> list[Measurement]:
    """Every metric that compares two pictures, for every prompt that has a picture on both sides.

    Args:
        arm: name of what is compared with the baseline.
        pictures: of the arm, by prompt id.
        baseline: the pictures that they are compared with.
        categories: category of each prompt by its id.
        metrics: by name; those that compare no pictures are left out.
        networks: loaded networks of the metrics that need one.
    """
    paired = {
        name: metric for name, metric in metrics.items() if metric.reads.startswith("image_pair")
    }
    queue = Comparisons("image_pairs", paired, networks)
    entries: dict[str, dict[str, float | None]] = {}
    for prompt in sorted(pictures.keys() & baseline.keys()):
        inputs = PictureInputs(pictures[prompt], baseline[prompt], None, None)
        entries[prompt] = {**dict.fromkeys(paired), **inputs.scores(paired)}
        queue.add(PicturePair(pictures[prompt], baseline[prompt], (entries[prompt],)))
    queue.flush()
    return [
        Measurement(arm, prompt, 0, categories[prompt], metric, value)
        for prompt, entry in entries.items()
        for metric, value in entry.items()
    ]
