"""Training pairs as columns, a table for each picture size: what a GPU draws and encodes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration.data.corpus import Example
from calibration.data.degradation import degrade
from zimage_eval.prompts.scenes.drawing import draw_encoded, encode_scenes


class ScenePairs(NamedTuple):
    """Captions and scenes of one picture size, row by row."""

    height: int
    width: int
    texts: list[str]
    think_blocks: list[str | None]
    paraphrases: list[str]
    objects: NDArray[np.int16]
    """Scenes as `encode_scenes` gives them, `(num_pairs, MAX_OBJECTS, 7)`."""
    canvas: NDArray[np.int16]
    """`(num_pairs, 2)`."""
    is_degraded: NDArray[np.bool_]
    """`(num_pairs,)`."""

    @property
    def num_pairs(self) -> int:
        """Rows of the table."""
        return len(self.texts)

    def draw(self, rows: slice | Tensor, device: torch.device, *, clean: bool = False) -> Tensor:
        """Pictures in [-1, 1], `(num_rows, 3, height, width)`; degraded ones blurred."""
        objects, canvas, blurred = (
            torch.from_numpy(column[rows]).to(device)
            for column in (self.objects, self.canvas, self.is_degraded)
        )
        images = draw_encoded(objects.long(), canvas.long(), self.height, self.width).float()
        images = images / 127.5 - 1
        return (
            images if clean else torch.where(blurred[:, None, None, None], degrade(images), images)
        )


def tabulate(examples: Sequence[Example]) -> list[ScenePairs]:
    """Examples as tables, in order of first appearance of a size."""
    members: dict[tuple[int, int], list[Example]] = defaultdict(list)
    for example in examples:
        members[example.scene.height, example.scene.width].append(example)
    tables = []
    for (height, width), part in members.items():
        objects, canvas = encode_scenes([example.scene for example in part])
        tables.append(
            ScenePairs(
                height,
                width,
                [example.text for example in part],
                [example.think_block for example in part],
                [example.paraphrase for example in part],
                objects.numpy().astype(np.int16),
                canvas.numpy().astype(np.int16),
                np.array([example.is_degraded for example in part]),
            )
        )
    return tables


def concatenate(tables: Iterable[ScenePairs]) -> list[ScenePairs]:
    """One table a size."""
    parts: dict[tuple[int, int], list[ScenePairs]] = defaultdict(list)
    for table in tables:
        parts[table.height, table.width].append(table)
    return [
        ScenePairs(
            height,
            width,
            [text for part in members for text in part.texts],
            [block for part in members for block in part.think_blocks],
            [text for part in members for text in part.paraphrases],
            np.concatenate([part.objects for part in members]),
            np.concatenate([part.canvas for part in members]),
            np.concatenate([part.is_degraded for part in members]),
        )
        for (height, width), members in parts.items()
    ]
