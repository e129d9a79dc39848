"""Weights are checked before a run: whole, and the stated ones or such as their classes have."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from zimage_eval.config.frozen import Problems
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.variants import Variant
from zimage_eval.model.folder import PARTS, check_digests, check_image_size, check_model
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
    limits = check_model(folder, PARTS, ())
    for key, group in variants.items():
        for variant in group:
            try:
                check_image_size(limits, variant.settings.image)
            except ValueError as error:
                raise ValueError(f"study {key}, variant {variant.name}: {error}") from error
    unstated = check_digests(folder, spec.sha256, where)
    if unstated:
        _check_tensors(folder)
    return unstated


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
