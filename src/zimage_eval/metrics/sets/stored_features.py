"""Features of pictures from the store; no network is loaded where it holds all of them.

An entry holds a batch, because what goes through a network together can decide last bits.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from zimage_eval.config.measuring import BackboneName
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.metrics.networks.files import network_path, sha256_of, weight_files
from zimage_eval.metrics.networks.lpips_trunks import alexnet_file
from zimage_eval.metrics.sets.features import split_batches
from zimage_eval.output.store import Store
from zimage_eval.output.stored.entry_keys import computed_by, entry_key
from zimage_eval.output.stored.listed_pictures import ListedPicture


class StoredFeatures(NamedTuple):
    """The features of a batch of pictures."""

    features: NDArray[np.float32]
    """`(num_pictures, num_features)`."""
    signature: dict[str, str]
    """Of the backbone, as in `BackboneSignature`."""
    files: list[str]
    """Digests of the files that they were computed from."""


def stored_features(
    pictures: Sequence[ListedPicture], spec: ModelSpec, shipped: Mapping[str, Path], store: Store
) -> Iterator[tuple[dict[str, str], NDArray[np.float32]]]:
    """Signature of each backbone that the model names, and features `(num_pictures, num_features)`.

    Args:
        pictures: of a study.
        spec: names the backbones and declares the weights of those that are not shipped.
        shipped: paths of the weights of the shipped ones.
        store: of features.

    Raises:
        ValueError: weights are missing or differ from the declared ones, or a picture is missing,
            damaged or has other pixels than its row lists.
    """
    batches = split_batches(pictures)
    paths = {name: _path(name, spec, shipped) for name in spec.distribution.backbones}
    keys = {name: _keys(name, path, batches) if store.root else [] for name, path in paths.items()}
    stored: dict[BackboneName, list[StoredFeatures | None]] = {
        name: [_find(store, key, batch) for key, batch in zip(keys[name], batches, strict=True)]
        if store.root
        else [None] * len(batches)
        for name in paths
    }
    missing = {
        name: [index for index, entry in enumerate(entries) if entry is None]
        for name, entries in stored.items()
    }
    if any(missing.values()):
        computed = _compute({n: (paths[n], indices) for n, indices in missing.items()}, batches)
        for name, index, entry in computed:
            stored[name][index] = entry
            if store.root:
                store.save([keys[name][index]], [_pack(entry)])
    for entries in stored.values():
        complete = [entry for entry in entries if entry is not None]
        yield complete[0].signature, np.concatenate([entry.features for entry in complete])


def _compute(
    missing: Mapping[BackboneName, tuple[Path, Sequence[int]]],
    batches: Sequence[Sequence[ListedPicture]],
) -> Iterator[tuple[BackboneName, int, StoredFeatures]]:
    from zimage_eval.metrics.sets.extraction import features_of_batches

    needed = {
        name: (path, [[picture.read for picture in batches[index]] for index in indices])
        for name, (path, indices) in missing.items()
        if indices
    }
    for name, (backbone, features) in features_of_batches(needed).items():
        for index, batch_features in zip(missing[name][1], features, strict=True):
            files = [picture.file_digest for picture in batches[index]]
            yield name, index, StoredFeatures(batch_features, asdict(backbone.signature), files)


def _path(name: BackboneName, spec: ModelSpec, shipped: Mapping[str, Path]) -> Path:
    """As `backbones.backbone_path`, without torch."""
    if name == "alexnet" or name == "vae":
        return shipped[name]
    return network_path(name, spec.networks[name])


def _keys(name: BackboneName, path: Path, batches: Sequence[Sequence[ListedPicture]]) -> list[str]:
    """A key for each batch; the configuration beside the weights decides features too."""
    files = [alexnet_file(path)] if name == "alexnet" else weight_files(name, path)
    config = path / "config.json"
    shared = {
        "backbone": name,
        "weights": sha256_of(files),
        "config": sha256_of([config]) if config.is_file() else None,
        **computed_by(__name__),
    }
    code = entry_key(**shared)
    return [
        entry_key(kind="features", computed=code, pictures=[picture.pixels for picture in batch])
        for batch in batches
    ]


def _find(store: Store, key: str, batch: Sequence[ListedPicture]) -> StoredFeatures | None:
    """The entry of a batch, whose files are held to the pixels that their rows list."""
    entries = store.load([key], _unpack)
    if entries is None:
        return None
    for picture in batch:
        picture.check(set(entries[0].files))
    return entries[0]


def _pack(entry: StoredFeatures) -> bytes:
    """As safetensors; signature and digests are bytes of JSON."""
    record = json.dumps([entry.signature, entry.files]).encode()
    return save({"features": entry.features, "record": np.frombuffer(record, np.uint8)})


def _unpack(data: bytes) -> StoredFeatures:
    try:
        arrays = load(data)
        signature, files = json.loads(arrays["record"].tobytes())
        return StoredFeatures(arrays["features"], signature, files)
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"it holds no features ({error})") from error
