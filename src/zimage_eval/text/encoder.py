"""The text side of a model of the Z-Image family: what turns a prompt into prompt embeddings."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from zimage_eval.config.frozen import cut, shown
from zimage_eval.config.model_spec import DtypeSettings
from zimage_eval.model.folder import TEXT_PARTS, check_parts
from zimage_eval.model.memory import read_json_object, refuse_tensors
from zimage_eval.text.chat_format import PAD, TURN_END, TURN_START, chat_parts

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
    """The tokenizer alone, which takes no weights.

    Raises:
        ValueError: a file is missing, or is none of a tokenizer; says which.
    """
    check_parts(folder, ("tokenizer",))
    tokenizer_type = _class_of(folder, "tokenizer")
    return tokenizer_type.from_pretrained(folder / "tokenizer", trust_remote_code=False)


def load_text_encoder(
    folder: Path, dtype: DtypeSettings, device: torch.device
) -> "PreTrainedModel":
    """The text encoder, ready to be asked.

    Raises:
        ValueError: a file is missing or not whole, or a tensor is, which transformers would leave
            random; says which.
    """
    check_parts(folder, ("text_encoder",))
    text_encoder = _load_whole(folder, dtype=getattr(torch, dtype.text_encoder))
    return text_encoder.eval().to(device)


def check_text_side(folder: Path) -> None:
    """Load tokenizer and text encoder, the latter without its weights.

    Raises:
        ValueError: the tokenizer is none or has tokens that the text encoder lacks, a configuration
            is impossible, or a tensor is missing, unexpected or of another shape; names the file.
    """
    check_parts(folder, TEXT_PARTS)
    try:
        tokenizer = load_tokenizer(folder)
        text_encoder = _load_whole(folder, device_map="meta")
    except Exception as error:  # a class may fail anywhere on values that don't go together
        if str(error).startswith(str(folder)):
            raise
        raise ValueError(
            f"{folder}: no text encoder and tokenizer can be made of what is in their folders "
            f"({type(error).__name__}: {cut(str(error))})"
        ) from error
    num_tokens = text_encoder.get_input_embeddings().num_embeddings
    highest = max(tokenizer.get_vocab().values())
    if highest >= num_tokens:
        raise ValueError(
            f"{folder / 'tokenizer'}: has a token {highest}, the text encoder knows 0 to "
            f"{num_tokens - 1}"
        )
    _check_model_type(folder, type(text_encoder))
    _check_chat(folder / "tokenizer", tokenizer)


def _check_model_type(folder: Path, model_type: type["PreTrainedModel"]) -> None:
    """The configuration is of the class that reads it, which takes any other's values."""
    path = folder / "text_encoder" / "config.json"
    stated, wanted = read_json_object(path)["model_type"], model_type.config_class.model_type
    if stated != wanted:
        raise ValueError(
            f"{path}: model_type {shown(stated)} is none of {model_type.__name__}, which is "
            f"{wanted!r}"
        )


def _check_chat(folder: Path, tokenizer: "PreTrainedTokenizerBase") -> None:
    """The chat format can be written, holds the prompt, and its marks are a token each."""
    try:
        texts = chat_parts(tokenizer, "", None)
    except Exception as error:  # a template may fail anywhere
        raise ValueError(
            f"{folder}: its chat template can't be applied "
            f"({type(error).__name__}: {cut(str(error))})"
        ) from error
    if not all(texts):
        raise ValueError(
            f"{folder}: its chat template writes nothing around the prompt, or no prompt"
        )
    for mark in (TURN_START, TURN_END, PAD):
        if tokenizer.tokenize(mark) != [mark]:
            raise ValueError(f"{folder}: {mark} is no token of its own")


def _load_whole(folder: Path, **options: Any) -> Any:  # noqa: ANN401 - whatever class it names
    from transformers import logging

    model_type = _class_of(folder, "text_encoder")
    verbosity, shows_progress = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()  # what it would say at length of tensors is said in one line here
    if options.get("device_map") == "meta":
        logging.disable_progress_bar()  # nothing is loaded
    try:
        text_encoder, info = model_type.from_pretrained(
            folder / "text_encoder",
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **options,
        )
    finally:
        logging.set_verbosity(verbosity)
        if shows_progress:
            logging.enable_progress_bar()
    # A language model's head is no part of the encoder inside it.
    unknown_names = {name for name in info["unexpected_keys"] if not name.startswith("lm_head.")}
    problems = {
        "lacks": info["missing_keys"],
        "holds unknown": unknown_names,
        "holds misshapen": [name for name, *_ in info["mismatched_keys"]],
    }
    refuse_tensors(folder / "text_encoder", model_type.__name__, problems)
    return text_encoder


def _class_of(folder: Path, part: str) -> Any:  # noqa: ANN401 - whatever class it names
    import transformers

    path = folder / "model_index.json"
    name = read_json_object(path)[part][1]
    if not hasattr(getattr(transformers, name, None), "from_pretrained"):
        raise ValueError(f"{path}: {part}: transformers has no class {shown(name)} to load")
    return getattr(transformers, name)
