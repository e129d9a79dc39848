"""What is said and shown of pictures made by hand: the facts that hold, and a labelled grid."""

import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from zimage_eval.config.settings import Key, value_name
from zimage_eval.config.variants import Variant
from zimage_eval.metrics.alignment import alignment
from zimage_eval.metrics.judges.judges import Judge, decode_picture
from zimage_eval.output.image_grids import GridCell, GridColumn, GridRow, draw_image_grid
from zimage_eval.prompts.facts import FactResult, Facts, facts_in_words
from zimage_eval.sampling.by_hand import DrawnByHand
from zimage_eval.sampling.generation import GeneratedImage


class JudgedPicture(NamedTuple):
    """A picture and what was found in it."""

    variant: Variant
    image: GeneratedImage
    results: Sequence[FactResult] | None
    """Of the facts that the judge checks; None if there are no facts, or nobody has judged them."""
    cuts: Sequence[str]
    """What of its texts it was not drawn of, in sentences."""


def judge_picture(
    variant: Variant, drawn: DrawnByHand, judge: Judge, facts: Facts | None
) -> JudgedPicture:
    """The picture with the judge's results."""
    results = None if facts is None else judge(decode_picture(drawn.image.png), facts)
    return JudgedPicture(variant, drawn.image, results, drawn.cuts)


def describe_picture(picture: JudgedPicture, seed: int, facts: Facts | None) -> str:
    """How a picture came about, what was not read and which of its facts hold, a line each."""
    image = picture.image
    sigmas = " ".join(f"{sigma:.4g}" for sigma in image.sigmas)
    lines = [f"{picture.variant.name}: seed {seed}, {image.num_forwards} forwards, sigmas {sigmas}"]
    lines += [f"  {cut}" for cut in picture.cuts]
    if facts is not None and picture.results is not None:
        words = facts_in_words(facts)
        for result in picture.results:
            fact = words.get(result.name, "not stated")  # people may have labeled other facts
            lines.append(f"  {'✓' if result.held else '✗'} {result.kind}: {fact}")
        held = sum(result.held for result in picture.results)
        lines.append(f"  {held} of {len(picture.results)} facts hold")
    return "\n".join(lines)


def draw_by_hand_grid(
    text: str, keys: Sequence[Key], pictures: Sequence[JudgedPicture]
) -> Image.Image:
    """The values of the last key side by side, a row for each combination of the others.

    Args:
        text: the prompt.
        keys: the settings with several values, at least one.
        pictures: a full product of the values, the last key's fastest.
    """
    *down, across = keys
    columns = list(dict.fromkeys(_value(picture, across) for picture in pictures))
    defaults = [picture.variant.is_baseline for picture in pictures[: len(columns)]]
    rows = []
    for start in range(0, len(pictures), len(columns)):
        members = pictures[start : start + len(columns)]
        label = ", ".join(f"{leaf}={_value(members[0], (group, leaf))}" for group, leaf in down)
        rows.append(GridRow(label, text, [_cell(picture) for picture in members]))
    marks = defaults if len(rows) == 1 else [False] * len(columns)
    heads = [GridColumn([name], mark) for name, mark in zip(columns, marks, strict=True)]
    return draw_image_grid([across[1]], heads, rows)


def _value(picture: JudgedPicture, key: Key) -> str:
    return value_name(picture.variant.settings.model_dump()[key[0]][key[1]])


def _cell(picture: JudgedPicture) -> GridCell:
    with Image.open(io.BytesIO(picture.image.png)) as opened:
        image = opened.convert("RGB")
    share = alignment(picture.results) if picture.results is not None else None
    if share is None:
        return GridCell(image, "", "neutral")
    return GridCell(image, "✓", "good") if share == 1 else GridCell(image, f"✗ {share:.0%}", "bad")
