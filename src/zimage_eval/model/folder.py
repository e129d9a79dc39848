"""A model folder in diffusers' layout, judged by its JSON files before any weight is loaded."""

import hashlib
import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from zimage_eval.config.setting_groups import ImageSettings, RopeSettings
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant

TEXT_PARTS = ("tokenizer", "text_encoder")
IMAGE_PARTS = ("scheduler", "transformer", "vae")

# What from_pretrained can't do without: for each part, one of these files.
REQUIRED_FILES = {
    "tokenizer": ("tokenizer.json", "vocab.json"),
    "text_encoder": ("model.safetensors", "model.safetensors.index.json"),
    "scheduler": ("scheduler_config.json",),
    "transformer": (
        "diffusion_pytorch_model.safetensors",
        "diffusion_pytorch_model.safetensors.index.json",
    ),
    "vae": (
        "diffusion_pytorch_model.safetensors",
        "diffusion_pytorch_model.safetensors.index.json",
    ),
}
CAPTION_MULTIPLE = 32  # ZImageTransformer2DModel pads captions to a multiple of this


class ModelLimits(NamedTuple):
    """What a model can be asked for."""

    num_hidden_layers: int
    """Of the text encoder; it gives one hidden state more."""
    num_refiner_layers: int
    """Of the transformer's context refiner."""
    has_refiner_timestep: bool
    """Whether the weights hold a timestep modulation of the context refiner."""
    pixel_multiple: int
    """Height and width are multiples of this: autoencoder factor times patch size."""
    max_pixels: int
    """Longest side that the position table holds."""


def check_model(folder: Path, parts: Sequence[str], variants: Sequence[Variant]) -> ModelLimits:
    """Check, before any weight is loaded, that a model can be run on the variants of a study.

    Returns:
        The model's limits; levels beyond them are no error (`unavailable_reason`).

    Raises:
        ValueError: a file is missing, or a variant's height or width is impossible.
    """
    check_parts(folder, parts)
    limits = read_limits(folder)
    for variant in variants:
        check_image_size(limits, variant.settings.image)
    return limits


def check_parts(folder: Path, parts: Sequence[str]) -> None:
    """Check that the files of these parts are there, each shard included.

    Raises:
        ValueError: something is missing; says what, and where to put it.
    """
    where = f"put or link the model's diffusers folder at {folder}"
    if not (folder / "model_index.json").is_file():
        raise ValueError(f"{folder / 'model_index.json'}: no such file; {where}")
    for part in parts:
        config = folder / part / "config.json"
        if part in ("text_encoder", "transformer", "vae") and not config.is_file():
            raise ValueError(f"{config}: no such file; {where}")
        found = [name for name in REQUIRED_FILES[part] if (folder / part / name).is_file()]
        if not found:
            needed = " or ".join(REQUIRED_FILES[part])
            raise ValueError(f"{folder / part}: holds no {needed}; {where}")
        if found[0].endswith(".index.json"):
            shards = set(_read_json(folder / part / found[0])["weight_map"].values())
            missing = sorted(name for name in shards if not (folder / part / name).is_file())
            if missing:
                raise ValueError(f"{folder / part}: holds no {', '.join(missing)}; {where}")


def read_limits(folder: Path) -> ModelLimits:
    """The limits that a model's config files state."""
    transformer = _read_json(folder / "transformer" / "config.json")
    vae = _read_json(folder / "vae" / "config.json")
    text_encoder = _read_json(folder / "text_encoder" / "config.json")
    factor = 2 ** (len(vae["block_out_channels"]) - 1)
    _, rows, columns = transformer["axes_lens"]
    return ModelLimits(
        num_hidden_layers=text_encoder["num_hidden_layers"],
        num_refiner_layers=transformer["n_refiner_layers"],
        has_refiner_timestep=has_refiner_timestep(folder),
        # ZImagePipeline is written for patches of 2, the only size of the released models.
        pixel_multiple=factor * 2,
        max_pixels=min(rows, columns) * factor * 2,
    )


def has_refiner_timestep(folder: Path) -> bool:
    """Whether transformer/config.json says `context_refiner_modulation: true`.

    diffusers has no such key: its class never modulates the context refiner. Weights trained with
    it hold `context_refiner.<i>.adaLN_modulation.0.{weight,bias}` beside diffusers' own.
    """
    config = _read_json(folder / "transformer" / "config.json")
    return config.get("context_refiner_modulation") is True


def check_image_size(limits: ModelLimits, image: ImageSettings) -> None:
    """Raise ValueError if a side can't be divided into the model's patches."""
    for name, value in image.model_dump().items():
        if value % limits.pixel_multiple:
            raise ValueError(f"image.{name}: {value} is not a multiple of {limits.pixel_multiple}")


def unavailable_reason(limits: ModelLimits, settings: Settings) -> str | None:
    """Why the model lacks a level of these settings, or None if it has them all."""
    layers, depth = settings.encoder.hidden_layer, limits.num_hidden_layers
    for layer in layers if isinstance(layers, tuple) else [layers]:
        if isinstance(layer, int) and not -depth - 1 <= layer <= depth:
            return f"hidden_layer {layer}: this text encoder has {-depth - 1} to {depth}"
    sampler = settings.sampler
    if (
        sampler.guidance_scale
        and not sampler.negative_prompt
        and not settings.encoder.chat_template
    ):
        return "negative_prompt '': has no tokens with chat_template false"
    refiner, depth = settings.refiner, limits.num_refiner_layers
    for layer in refiner.dropped_refiner_layers:
        if layer >= depth:
            return f"dropped_refiner_layers {layer}: this context refiner has 0 to {depth - 1}"
    if refiner.refiner_timestep and not limits.has_refiner_timestep:
        return "refiner_timestep true: this context refiner was trained without"
    for name, value in settings.image.model_dump().items():
        if value > limits.max_pixels:
            return f"{name} {value}: this transformer's positions end at {limits.max_pixels} pixels"
    return None


def padded_length(num_tokens: int) -> int:
    """Tokens a caption or an image takes in the transformer: its own and the learned padding."""
    return -(-num_tokens // CAPTION_MULTIPLE) * CAPTION_MULTIPLE


def max_caption_tokens(rope: RopeSettings) -> int:
    """Longest padded caption that leaves a position for the image (1504 of a table of 1536)."""
    # Captions stand at 1..P and the image at P + 1, in a table of rows 0..N-1.
    return (rope.table_length - 2) // CAPTION_MULTIPLE * CAPTION_MULTIPLE


def weights_digest(folder: Path, parts: Sequence[str]) -> str:
    """SHA-256 over model_index.json and every file of the parts, links followed.

    Hidden files and *.md are left out: no from_pretrained opens them.
    """
    files = [folder / "model_index.json"]
    for part in sorted(parts):
        files += [path for path in sorted((folder / part).rglob("*")) if _is_opened(path)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        digests = list(pool.map(_sha256, files))
    names = [path.relative_to(folder).as_posix() for path in files]
    return hashlib.sha256(json.dumps([names, digests]).encode()).hexdigest()


def count_parameters(folder: Path, part: str) -> int:
    """Number of values in the safetensors files of a part, from their headers."""
    return sum(count_file_parameters(path) for path in (folder / part).glob("*.safetensors"))


def count_file_parameters(path: Path) -> int:
    """Number of values in a safetensors file, from its header."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return sum(math.prod(e["shape"]) for name, e in header.items() if name != "__metadata__")


def _is_opened(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix != ".md"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_json(path: Path) -> Any:  # noqa: ANN401 - a JSON file holds anything
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from error
