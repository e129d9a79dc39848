"""A model folder in diffusers' layout, judged by its JSON files before any weight is loaded."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from zimage_eval.config.frozen import Problems, cut, parse, shown, unknown
from zimage_eval.config.setting_groups import ImageSettings, RopeSettings
from zimage_eval.config.settings import Settings
from zimage_eval.config.variants import Variant
from zimage_eval.model.digests import differing_file, file_digests
from zimage_eval.model.memory import WEIGHT_FILES, read_json_object, read_shapes, refuse_pointer

TEXT_PARTS = ("tokenizer", "text_encoder")
IMAGE_PARTS = ("scheduler", "transformer", "vae")

PARTS = (*TEXT_PARTS, *IMAGE_PARTS)
# What from_pretrained can't do without: for each part, one of these files.
REQUIRED_FILES = {
    "tokenizer": ("tokenizer.json", "vocab.json"),
    "scheduler": ("scheduler_config.json",),
} | {part: (name, f"{name}.index.json") for part, name in WEIGHT_FILES.items()}
# For each part the library, and the classes that this project knows of it; () takes any.
_CLASSES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "tokenizer": ("transformers", ()),
    "text_encoder": ("transformers", ()),
    "scheduler": ("diffusers", ("FlowMatchEulerDiscreteScheduler",)),
    "transformer": ("diffusers", ("ZImageTransformer2DModel",)),
    "vae": ("diffusers", ("AutoencoderKL",)),
}
CAPTION_MULTIPLE = 32  # ZImageTransformer2DModel pads captions to a multiple of this


class _Config(BaseModel):
    """The keys of a configuration without which a library would take a default of its own."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


_Size = Annotated[int, Field(ge=1)]
_Sizes = Annotated[tuple[_Size, ...], Field(strict=False, min_length=1)]
_ThreeSizes = Annotated[tuple[_Size, _Size, _Size], Field(strict=False)]
_Words = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
_Positive = Annotated[float, Field(gt=0)]


class _TransformerConfig(_Config):
    all_patch_size: _Sizes
    all_f_patch_size: _Sizes
    axes_dims: _ThreeSizes
    axes_lens: _ThreeSizes
    cap_feat_dim: _Size
    dim: _Size
    in_channels: _Size
    n_heads: _Size
    n_kv_heads: _Size
    n_layers: _Size
    n_refiner_layers: _Size
    norm_eps: _Positive
    qk_norm: bool
    rope_theta: _Positive
    t_scale: _Positive
    context_refiner_modulation: bool = False


class _AutoencoderConfig(_Config):
    act_fn: str
    block_out_channels: _Sizes
    down_block_types: _Words
    up_block_types: _Words
    in_channels: _Size
    out_channels: _Size
    latent_channels: _Size
    layers_per_block: _Size
    norm_num_groups: _Size
    sample_size: _Size
    scaling_factor: _Positive
    shift_factor: float


class _TextEncoderConfig(_Config):
    model_type: str
    vocab_size: _Size
    hidden_size: _Size
    intermediate_size: _Size
    num_hidden_layers: _Size
    num_attention_heads: _Size
    num_key_value_heads: _Size
    head_dim: _Size
    hidden_act: str
    rms_norm_eps: _Positive
    rope_theta: _Positive | None = None
    rope_parameters: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _positions_have_a_base(self) -> Self:
        if self.rope_theta is None and not (self.rope_parameters or {}).get("rope_theta"):
            raise ValueError("rope_theta: missing, by itself or in rope_parameters")
        return self


class _SchedulerConfig(_Config):
    num_train_timesteps: _Size
    shift: _Positive
    use_dynamic_shifting: bool
    use_karras_sigmas: bool = False
    use_exponential_sigmas: bool = False
    use_beta_sigmas: bool = False
    invert_sigmas: bool = False
    stochastic_sampling: bool = False
    shift_terminal: float | None = None

    @model_validator(mode="after")
    def _leave_the_schedule_to_the_settings(self) -> Self:
        values = self.model_dump(exclude={"num_train_timesteps", "shift"})
        for key, value in values.items():
            if value:
                raise ValueError(f"{key}: {value}: sampler.shift would not mean what it says")
        return self


class _TokenizerConfig(_Config):
    pad_token: str | dict[str, Any]


_CONFIGS: Mapping[str, tuple[str, type[_Config]]] = {
    "tokenizer": ("tokenizer_config.json", _TokenizerConfig),
    "text_encoder": ("config.json", _TextEncoderConfig),
    "scheduler": ("scheduler_config.json", _SchedulerConfig),
    "transformer": ("config.json", _TransformerConfig),
    "vae": ("config.json", _AutoencoderConfig),
}


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
        ValueError: a file is missing or not whole, or a variant's height or width is impossible.
    """
    check_parts(folder, parts)
    limits = read_limits(folder)
    for variant in variants:
        check_image_size(limits, variant.settings.image)
    return limits


def check_parts(folder: Path, parts: Sequence[str]) -> None:
    """Check that the files of these parts are there and whole, each shard included.

    Every JSON file is one and holds what the part can't be made without, and every safetensors file
    is as long as its header says. Which tensors a part needs is not known here: its loader knows.

    Raises:
        ValueError: something is missing or cut off; names the file, and where to put it.
    """
    where = f"put or link the model's diffusers folder at {folder}"
    index = folder / "model_index.json"
    if not index.is_file():
        raise ValueError(f"{index}: no such file; {where}")
    _check_index(index, parts)
    for part in parts:
        config = folder / part / _CONFIGS[part][0]
        if part != "scheduler" and not config.is_file():
            raise ValueError(f"{config}: no such file; {where}")
        if not any((folder / part / name).is_file() for name in REQUIRED_FILES[part]):
            needed = " or ".join(REQUIRED_FILES[part])
            raise ValueError(f"{folder / part}: holds no {needed}; {where}")
        read_config(folder, part)
        _check_class(folder, part)
        if part in WEIGHT_FILES:
            read_shapes(folder / part)
    if "tokenizer" in parts:
        _check_tokenizer(folder / "tokenizer")


def read_config(folder: Path, part: str) -> Any:  # noqa: ANN401 - each part has a type of its own
    """What the configuration of a part states, as far as it can't be left to a default.

    Raises:
        ValueError: it lacks a key, or holds something impossible; names file and key.
    """
    name, model = _CONFIGS[part]
    path = folder / part / name
    return parse(read_json_object(path), model, str(path))


def check_digests(folder: Path, stated: Mapping[str, str], where: str) -> list[str]:
    """Hold the files of a model folder to the SHA-256 that are stated of them.

    Args:
        folder: of the model.
        stated: digest by path in the folder.
        where: they are stated.

    Returns:
        The files that are loaded and of which nothing is stated.

    Raises:
        Problems: a file is missing or another one.
    """
    files = {path.relative_to(folder).as_posix(): path for path in _opened_files(folder, PARTS)}
    # A model of another family has parts of other names.
    files |= {name: folder / name for name in stated if (folder / name).is_file()}
    problems = [
        f"{folder / name}: no such file; {where} states its sha256"
        for name in sorted(stated.keys() - files.keys())
    ]
    shared = [name for name in files if name in stated]
    digests = file_digests([files[name] for name in shared])
    for name, digest in zip(shared, digests, strict=True):
        if digest != stated[name]:
            problems.append(differing_file(files[name], digest, stated[name], where))
    if problems:
        raise Problems(*problems)
    return sorted(files.keys() - stated.keys())


def read_limits(folder: Path) -> ModelLimits:
    """The limits that a model's config files state.

    Raises:
        ValueError: one lacks a key, or holds something impossible; names file and key.
    """
    transformer = read_config(folder, "transformer")
    factor = 2 ** (len(read_config(folder, "vae").block_out_channels) - 1)
    _, rows, columns = transformer.axes_lens
    return ModelLimits(
        num_hidden_layers=read_config(folder, "text_encoder").num_hidden_layers,
        num_refiner_layers=transformer.n_refiner_layers,
        has_refiner_timestep=transformer.context_refiner_modulation,
        # ZImagePipeline is written for patches of 2, the only size of the released models.
        pixel_multiple=factor * 2,
        max_pixels=min(rows, columns) * factor * 2,
    )


def has_refiner_timestep(folder: Path) -> bool:
    """Whether transformer/config.json says `context_refiner_modulation: true`.

    diffusers has no such key: its class never modulates the context refiner. Weights trained with
    it hold `context_refiner.<i>.adaLN_modulation.0.{weight,bias}` beside diffusers' own.
    """
    has_timestep: bool = read_config(folder, "transformer").context_refiner_modulation
    return has_timestep


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
    if sampler.is_guided and not sampler.negative_prompt and not settings.encoder.chat_template:
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
    files = _opened_files(folder, parts)
    digests = file_digests(files)
    names = [path.relative_to(folder).as_posix() for path in files]
    return hashlib.sha256(json.dumps([names, digests]).encode()).hexdigest()


def _check_index(path: Path, parts: Sequence[str]) -> None:
    index = read_json_object(path)
    for part in parts:
        if part not in index:
            raise ValueError(f"{path}: {part}: missing")
        library, classes = _CLASSES[part]
        entry = index[part]
        is_pair = isinstance(entry, list) and [type(name) for name in entry] == [str, str]
        if not is_pair or entry[0] != library:
            raise ValueError(
                f"{path}: {part}: must be [{library}, a class of it], got {shown(entry)}"
            )
        if classes and entry[1] not in classes:
            raise ValueError(f"{path}: {part}: no class is {unknown(entry[1], classes)}")


def _check_class(folder: Path, part: str) -> None:
    """A configuration of diffusers names its class, and that is the one of model_index.json."""
    config, index = folder / part / _CONFIGS[part][0], folder / "model_index.json"
    if _CLASSES[part][0] != "diffusers":
        return
    stated, wanted = read_json_object(config).get("_class_name"), read_json_object(index)[part][1]
    if stated not in (None, wanted):
        raise ValueError(f"{config}: is of {shown(stated)}, {index} names {wanted}")


def _check_tokenizer(folder: Path) -> None:
    """Its files are JSON, and it has words and the format of a chat."""
    contents = {path.name: read_json_object(path) for path in sorted(folder.glob("*.json"))}
    whole = folder / "tokenizer.json"
    if whole.name in contents:
        _need_words(whole, contents[whole.name])
    elif not contents["vocab.json"]:
        raise ValueError(f"{folder / 'vocab.json'}: holds no tokens")
    elif not (folder / "merges.txt").is_file():
        raise ValueError(f"{folder / 'merges.txt'}: no such file; vocab.json needs it")
    template = folder / "chat_template.jinja"
    if template.is_file():
        refuse_pointer(template)
        chat = template.read_text(encoding="utf-8", errors="replace")
    else:
        chat = str(contents["tokenizer_config.json"].get("chat_template") or "")
    if not chat.strip():
        raise ValueError(f"{template}: there is no chat template, nor is one in the config")


def _need_words(path: Path, content: Mapping[str, Any]) -> None:
    from tokenizers import Tokenizer

    for key, kind in (("added_tokens", list), ("model", dict)):
        if not isinstance(content.get(key), kind):
            raise ValueError(f"{path}: {key}: must be a JSON {kind.__name__}")
    try:
        size = Tokenizer.from_file(str(path)).get_vocab_size()
    except Exception as error:  # the library raises no type of its own
        raise ValueError(f"{path}: is no tokenizer ({cut(str(error))})") from error
    if not size:
        raise ValueError(f"{path}: holds no tokens")


def _opened_files(folder: Path, parts: Sequence[str]) -> list[Path]:
    files = [folder / "model_index.json"]
    for part in sorted(parts):
        files += [path for path in sorted((folder / part).rglob("*")) if _is_opened(path)]
    return files


def _is_opened(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".") and path.suffix != ".md"
