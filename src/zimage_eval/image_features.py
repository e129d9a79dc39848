"""Pictures -> features of one backbone, in batches on the workers."""

import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from zimage_eval.backbones import Backbone

BATCH = 8
"""Pictures at once: as fast as more on a CPU, and little memory at 1024 pixels."""


LoadPicture = Callable[[], Tensor]
"""Reads one picture: `(3, height, width)` uint8."""


def compute_features(
    backbone: Backbone, pictures: Sequence[LoadPicture], workers: Executor
) -> NDArray[np.float32]:
    """`(num_pictures, num_features)` in the order of the pictures.

    Batches are the same whatever the number of workers; within one, pictures of one size go through
    the network together.
    """
    batches = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    made = workers.map(lambda batch: _features(backbone, batch), batches)
    interval = 0.2 if sys.stderr.isatty() else 10
    bar = tqdm(made, backbone.signature.name, len(batches), unit="batch", mininterval=interval)
    return np.concatenate(list(bar))


def _features(backbone: Backbone, batch: Iterable[LoadPicture]) -> NDArray[np.float32]:
    images = [load() for load in batch]
    groups = [list(group) for _, group in groupby(images, key=lambda image: image.shape)]
    return np.concatenate([backbone.features(torch.stack(group)) for group in groups])
