"""Load a model of the Z-Image family: its text side and its image side, each on its own."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from zimage_eval.model_folder import IMAGE_PARTS, TEXT_PARTS, check_parts
from zimage_eval.params import DtypeSettings

# transformers and diffusers take seconds each to import, so a side imports its own, when it loads.
if TYPE_CHECKING:
    from diffusers import ZImagePipeline
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TextSide(NamedTuple):
    """What turns a prompt into prompt embeddings."""

    tokenizer: "PreTrainedTokenizerBase"
    text_encoder: "PreTrainedModel"


def pick_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


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
