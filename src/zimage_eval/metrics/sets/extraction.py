"""Computing features: pictures through a backbone, in batches on worker threads."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from zimage_eval.config.measuring import BackboneName
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.metrics.networks.backbones import Backbone, backbone_path, load_backbone
from zimage_eval.metrics.sets.features import split_batches
from zimage_eval.model.devices import pick_device, start_workers
from zimage_eval.output.progress import progress_interval

LoadPicture = Callable[[], Tensor]
"""Reads one picture: `(3, height, width)` uint8."""


def features_by_backbone(
    pictures: Sequence[LoadPicture], spec: ModelSpec, shipped: Mapping[str, Path]
) -> Iterator[tuple[Backbone, NDArray[np.float32]]]:
    """Each backbone that the model names, with its features `(num_pictures, num_features)`.

    Args:
        pictures: functions that read the pictures.
        spec: names the backbones and declares the weights of those that are not shipped.
        shipped: paths of the weights of the shipped ones.

    Raises:
        ValueError: weights are missing, or differ from the declared ones.
    """
    device = pick_device()
    with start_workers(device) as workers:
        for name in spec.distribution.backbones:
            path = backbone_path(name, shipped, spec.networks)
            backbone = load_backbone(name, path, device)
            yield backbone, compute_features(backbone, pictures, workers)


def features_of_batches(
    batches: Mapping[BackboneName, tuple[Path, Sequence[Sequence[LoadPicture]]]],
) -> dict[BackboneName, tuple[Backbone, list[NDArray[np.float32]]]]:
    """Each backbone, loaded from its path, with the features of each of its batches.

    Raises:
        ValueError: weights are missing or incomplete.
    """
    device = pick_device()
    features = {}
    with start_workers(device) as workers:
        for name, (path, pictures) in batches.items():
            backbone = load_backbone(name, path, device)
            features[name] = backbone, list(_run(backbone, pictures, workers))
    return features


def compute_features(
    backbone: Backbone, pictures: Sequence[LoadPicture], workers: Executor
) -> NDArray[np.float32]:
    """`(num_pictures, num_features)` in the order of the pictures.

    The batches don't depend on the number of workers. Within a batch, neighboring pictures of one
    size go through the network together.
    """
    return np.concatenate(list(_run(backbone, split_batches(pictures), workers)))


def _run(
    backbone: Backbone, batches: Sequence[Sequence[LoadPicture]], workers: Executor
) -> Iterable[NDArray[np.float32]]:
    """Features of each batch in turn, behind a progress bar."""
    features = workers.map(lambda batch: _features(backbone, batch), batches)
    return tqdm(
        features,
        backbone.signature.name,
        len(batches),
        unit="batch",
        mininterval=progress_interval(),
    )


def _features(backbone: Backbone, batch: Iterable[LoadPicture]) -> NDArray[np.float32]:
    images = [load() for load in batch]
    groups = [list(group) for _, group in groupby(images, key=lambda image: image.shape)]
    return np.concatenate([backbone.features(torch.stack(group)) for group in groups])
