"""Weights are checked before a run: whole, and the stated ones or such as their classes have."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from zimage_eval.config.frozen import Problems
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.variants import Variant
from zimage_eval.model.folder import (
    PARTS,
    ModelLimits,
    check_digests,
    check_image_size,
    check_model,
)
from zimage_eval.model.memory import WEIGHT_FILES, check_weight_values


def check_weights(
    folder: Path, spec: ModelSpec, where: str, variants: Mapping[str, Iterable[Variant]]
) -> list[str]:
    """Hold a model's files to their stated SHA-256, and those without one to their classes.

    Args:
        folder: of the model.
        spec: of the model.
        where: it is stated.
        variants: by study; the model must be able to draw their picture sizes.

    Returns:
        The files of which no SHA-256 is stated.

    Raises:
        ValueError: a file is missing, cut off or another one, or a picture size is impossible.
    """
    index = folder / "model_index.json"
    if spec.source is not None and not index.is_file():
        raise ValueError(
            f"{index}: no such file; `python -m zimage_eval fetch {folder.name}` puts "
            f"{spec.source.repository} there"
        )
    limits, unstated = _check_files(folder, spec.sha256, where)
    for key, group in variants.items():
        for variant in group:
            try:
                check_image_size(limits, variant.settings.image)
            except ValueError as error:
                raise ValueError(f"study {key}, variant {variant.name}: {error}") from error
    if unstated:
        _check_tensors(folder)
    return unstated


def _check_files(
    folder: Path, stated: Mapping[str, str], where: str
) -> tuple[ModelLimits, list[str]]:
    """The model's limits and the files without SHA-256; all files that are wrong are named."""
    try:
        limits = check_model(folder, PARTS, ())
    except ValueError as error:
        problems = [str(error)]
        if stated and (folder / "model_index.json").is_file():
            problems += _further_problems(folder, stated, where, str(error))
        raise Problems(*problems) from error
    return limits, check_digests(folder, stated, where)


def _further_problems(folder: Path, stated: Mapping[str, str], where: str, first: str) -> list[str]:
    """What else is wrong besides the file that the first problem begins with."""
    try:
        check_digests(folder, stated, where)
    except Problems as error:
        return [line for line in error.args if line.split(": ")[0] != first.split(": ")[0]]
    return []


def _check_tensors(folder: Path) -> None:
    # torch and the models' libraries take seconds to import
    from zimage_eval.model.transformer import check_image_weights
    from zimage_eval.text.encoder import check_text_side

    checks: list[Callable[[], None]] = [
        partial(check_text_side, folder),
        partial(check_image_weights, folder, ("transformer", "vae")),
        *(partial(check_weight_values, folder / part) for part in WEIGHT_FILES),
    ]
    problems = []
    for check in checks:
        try:
            check()
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise Problems(*problems)
