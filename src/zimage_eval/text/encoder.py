"""The text side of a model of the Z-Image family: what turns a prompt into prompt embeddings."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.model.folder import TEXT_PARTS, check_parts

# transformers takes seconds to import, so it is imported where something is loaded.
if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class TextSide(NamedTuple):
    """Tokenizer and text encoder."""

    tokenizer: "PreTrainedTokenizerBase"
    text_encoder: "PreTrainedModel"


def load_text_side(folder: Path, dtype: DtypeSettings, device: torch.device) -> TextSide:
    """Load the classes that model_index.json names, as ZImagePipeline.from_pretrained does.

    Raises:
        ValueError: a file is missing; says which, and where to put it.
    """
    check_parts(folder, TEXT_PARTS)
    return TextSide(load_tokenizer(folder), load_text_encoder(folder, dtype, device))


def load_tokenizer(folder: Path) -> "PreTrainedTokenizerBase":
    """The tokenizer alone, which takes no weights."""
    return _class_of(folder, "tokenizer").from_pretrained(folder / "tokenizer")


def load_text_encoder(
    folder: Path, dtype: DtypeSettings, device: torch.device
) -> "PreTrainedModel":
    """The text encoder, ready to be asked."""
    text_encoder = _class_of(folder, "text_encoder").from_pretrained(
        folder / "text_encoder", dtype=getattr(torch, dtype.text_encoder)
    )
    return text_encoder.eval().to(device)


def _class_of(folder: Path, part: str) -> Any:  # noqa: ANN401 - whatever class it names
    import transformers

    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    return getattr(transformers, index[part][1])
