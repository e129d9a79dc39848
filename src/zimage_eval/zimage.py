"""Load a model of the Z-Image family: its text side and its image side, each on its own."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch

from zimage_eval.model_folder import IMAGE_PARTS, TEXT_PARTS, check_parts
from zimage_eval.params import DtypeSettings

# transformers and diffusers take seconds each to import, so a side imports its own, when it loads.
if TYPE_CHECKING:
    from diffusers import ZImagePipeline
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Loaded = TypeVar("Loaded")


class TextSide(NamedTuple):
    """What turns a prompt into prompt embeddings."""

    tokenizer: "PreTrainedTokenizerBase"
    text_encoder: "PreTrainedModel"


def pick_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def start_workers(device: torch.device) -> ThreadPoolExecutor:
    """Threads to work on batches side by side: one for a GPU, one a core otherwise.

    On the CPU each of them computes in one thread only (and so does the caller from now on). That
    makes the last bits independent of the number of cores, and where other processes take turns on
    the cores it is many times faster than torch's own threads, which spin while they wait.
    OMP_NUM_THREADS limits their number as it limits torch's.
    """
    if device.type != "cpu":
        return ThreadPoolExecutor(max_workers=1)
    num_workers = torch.get_num_threads()
    torch.set_num_threads(1)
    return ThreadPoolExecutor(num_workers, initializer=torch.set_num_threads, initargs=(1,))


def load_once(load: Callable[[], Loaded]) -> Callable[[], Loaded]:
    """A function that calls `load` the first time only, whichever worker comes first."""
    lock = Lock()
    cached = cache(load)

    def load_or_wait() -> Loaded:
        with lock:
            return cached()

    return load_or_wait


def load_text_side(folder: Path, dtype: DtypeSettings, device: torch.device) -> TextSide:
    """Load the classes that model_index.json names, as ZImagePipeline.from_pretrained does.

    Raises:
        ValueError: a file is missing; says which, and where to put it.
    """
    import transformers

    check_parts(folder, TEXT_PARTS)
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    tokenizer_class = getattr(transformers, index["tokenizer"][1])
    encoder_class = getattr(transformers, index["text_encoder"][1])
    text_encoder = encoder_class.from_pretrained(
        folder / "text_encoder", dtype=getattr(torch, dtype.text_encoder)
    )
    return TextSide(
        tokenizer=tokenizer_class.from_pretrained(folder / "tokenizer"),
        text_encoder=text_encoder.eval().to(device),
    )


def load_image_side(folder: Path, dtype: DtypeSettings, device: torch.device) -> "ZImagePipeline":
    """Load the pipeline without tokenizer and text encoder: it takes `prompt_embeds` only.

    Raises:
        ValueError: a file is missing; says which, and where to put it.
    """
    from diffusers import ZImagePipeline

    check_parts(folder, IMAGE_PARTS)
    pipe = ZImagePipeline.from_pretrained(
        folder,
        tokenizer=None,
        text_encoder=None,
        dtype={
            "transformer": getattr(torch, dtype.transformer),
            "vae": getattr(torch, dtype.vae),
        },
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe.to(device)
