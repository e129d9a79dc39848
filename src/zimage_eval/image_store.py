"""Images that were made before, found again by all that decides their pixels.

A shortcut and nothing else: without it every stage writes the same bytes. It lies inside DVC's
cache directory, so that a killed stage, another study, branch or experiment reuses it.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from threading import Lock, get_ident
from typing import NamedTuple

import torch

from zimage_eval.batches import Batch
from zimage_eval.images import decode_png
from zimage_eval.params import DtypeSettings
from zimage_eval.settings import Settings

GENERATOR_VERSION = 3
"""To be raised with every change of this package that changes pixels or files."""


class Recipe(NamedTuple):
    """What the images of a variant share."""

    weights: str
    """Digest of everything that is loaded (`weights_digest`)."""
    settings: Settings
    dtype: DtypeSettings
    device: str
    """Class of the device (`device_class`)."""


def find_store_root(setting: str | None) -> Path | None:
    """Folder of the store: `setting`, else inside DVC's cache; None if `setting` is "off".

    Raises:
        ValueError: there is no DVC repository to ask.
    """
    if setting == "off":
        return None
    if setting:
        return Path(setting)
    answer = subprocess.run(
        [sys.executable, "-m", "dvc", "cache", "dir"], capture_output=True, text=True, check=False
    )
    if answer.returncode:
        reason = " ".join(answer.stderr.split())
        raise ValueError(f"ZIMAGE_EVAL_STORE is not set to a folder or to off, and: {reason}")
    return Path(answer.stdout.strip()) / "zimage-eval-images"


def device_class(device: torch.device) -> str:
    """The name of the GPU, or the instruction set of the CPU: what else may decide last bits."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type} {torch.backends.cpu.get_cpu_capability()}"


def image_keys(recipe: Recipe, batch: Batch) -> list[str]:
    """A key for each image of a batch; every image of the batch enters each of them."""
    negative = batch.negative_prompt_embeds
    shared = {
        "generator_version": GENERATOR_VERSION,
        "versions": [version(package) for package in ("torch", "diffusers", "pillow")],
        "weights": recipe.weights,
        # Texts count by their embeddings; those of the negative prompt only if there is guidance.
        "settings": recipe.settings.model_dump(
            exclude={"prompt": True, "encoder": True, "sampler": {"negative_prompt"}}
        ),
        "dtype": recipe.dtype.model_dump(include={"transformer", "vae"}),
        "device": recipe.device,
        "prompt_embeds": [_tensor_digest(embeds) for embeds in batch.prompt_embeds],
        "negative_prompt_embeds": None if negative is None else _tensor_digest(negative),
        "seeds": batch.seeds,
        "refiner_fit": None if batch.refiner_fit is None else batch.refiner_fit.digest,
    }
    return [
        hashlib.sha256(json.dumps({**shared, "index": index}, sort_keys=True).encode()).hexdigest()
        for index in range(len(batch.seeds))
    ]


class ImageStore:
    """PNG files by key, for any number of threads; with no folder it holds and keeps nothing."""

    def __init__(self, root: Path | None) -> None:
        """Use a folder, which need not exist yet."""
        self.root = root
        self._lock = Lock()
        self.num_found = 0
        """Files handed out so far."""

    def load(self, keys: Sequence[str]) -> list[bytes] | None:
        """The files of all keys, or None if one of them is missing or damaged."""
        if self.root is None:
            return None
        files = []
        for key in keys:
            path = self._path(self.root, key)
            if not path.is_file():
                return None
            data = path.read_bytes()
            try:
                decode_png(data)
            except ValueError:
                return None  # it is made again and replaced
            files.append(data)
        with self._lock:
            self.num_found += len(files)
        return files

    def save(self, keys: Sequence[str], files: Sequence[bytes]) -> None:
        """Keep files; each appears whole or not at all."""
        if self.root is None:
            return
        for key, data in zip(keys, files, strict=True):
            path = self._path(self.root, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{key}.{os.getpid()}.{get_ident()}.tmp")
            temporary.write_bytes(data)
            temporary.replace(path)

    @staticmethod
    def _path(root: Path, key: str) -> Path:
        return root / key[:2] / f"{key[2:]}.png"


def _tensor_digest(tensor: torch.Tensor) -> str:
    digest = hashlib.sha256(str(tuple(tensor.shape)).encode())
    digest.update(tensor.float().contiguous().numpy().tobytes())
    return digest.hexdigest()
