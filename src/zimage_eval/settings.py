"""The settings of one image, spelled as diffusers spells them, and how they are overridden."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from zimage_eval.frozen import Frozen, first_problem, unknown

Count = Annotated[int, Field(ge=1)]
Float = Annotated[float, AfterValidator(lambda value: value + 0.0)]  # -0.0 and 0.0 are one value
Nested = Mapping[str, Mapping[str, Any]]
Key = tuple[str, str]
"""Group and leaf of one setting, such as `("sampler", "shift")`."""


def _distinct_layers(value: object) -> object:
    """A list of layers as a tuple in order, so that equal sets are equal values."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list of layers from 0, got {value!r}")
    if any(type(layer) is not int or layer < 0 for layer in value):
        raise ValueError(f"layers are integers from 0, got {list(value)!r}")
    if len(set(value)) < len(value):
        raise ValueError(f"a layer stands twice in {list(value)!r}")
    return tuple(sorted(value))


class EncoderSettings(Frozen):
    """What the text encoder is asked for."""

    hidden_layer: int
    """Index into `hidden_states`: 0 token embedding, -1 after the final norm, -2 Z-Image's own."""
    max_sequence_length: Annotated[int, Field(ge=16)]
    """Tokens kept of a prompt, chat template included."""


class SamplerSettings(Frozen):
    """What the denoising loop is asked for."""

    sigma_schedule: Literal["own", "karras", "exponential", "beta", "dynamic_shift"]
    """The scheduler's own spacing of the sigmas, or another one that diffusers names."""
    shift: Annotated[Float, Field(gt=0)]
    """Time shift of the sigmas; not read with a dynamic one."""
    num_inference_steps: Count
    guidance_scale: Annotated[Float, Field(ge=0)]
    """`cond + guidance_scale * (cond - uncond)`: 0.0 is off, the usual CFG scale minus one."""
    negative_prompt: str
    """What the unconditional branch reads; matters when `guidance_scale` is above 0."""


class RefinerSettings(Frozen):
    """What becomes of the blocks that refine a caption before it meets the image."""

    refiner_blend: Annotated[Float, Field(ge=0, le=1.25)]
    """`unrefined + refiner_blend * (refined - unrefined)`: 0 skips the refiner, 1 is its own."""
    dropped_refiner_layers: Annotated[tuple[int, ...], BeforeValidator(_distinct_layers)]
    """Blocks left out, counted from 0 and in order."""
    refiner_attention: bool
    """Whether its blocks have their attention branch."""
    refiner_feed_forward: bool
    """Whether its blocks have their feed-forward branch."""
    refiner_timestep: bool
    """Whether the timestep modulates its blocks, which only weights trained so have."""


class RopeSettings(Frozen):
    """Rotary position embedding of the transformer, on axis 0: the caption, then the image."""

    table_length: Annotated[int, Field(ge=34)]
    """Positions of axis 0 (`axes_lens[0]`); a caption of P padded tokens needs P + 2."""
    rope_theta: Annotated[Float, Field(ge=1)]
    """Base of the wavelengths."""
    rope_theta_scope: Literal["all", "caption", "refiner"]
    """Where `rope_theta` holds: on all axes, on axis 0 alone, or in the context refiner alone.
    Elsewhere the model's own does."""
    linear_scaling: Annotated[Float, Field(gt=0)]
    """Positions of axis 0 are divided by it."""
    ntk_scaling: Annotated[Float, Field(gt=0)]
    """The longest wavelength of axis 0 is multiplied by it, the shortest kept."""


class ImageSettings(Frozen):
    """Size of an image in pixels."""

    height: Annotated[int, Field(gt=0)]
    width: Annotated[int, Field(gt=0)]


class Settings(Frozen):
    """All that decides an image but prompt, seed and weights."""

    encoder: EncoderSettings
    sampler: SamplerSettings
    refiner: RefinerSettings
    rope: RopeSettings
    image: ImageSettings


GROUPS: dict[str, type[Frozen]] = {
    "encoder": EncoderSettings,
    "sampler": SamplerSettings,
    "refiner": RefinerSettings,
    "rope": RopeSettings,
    "image": ImageSettings,
}
KEYS: tuple[Key, ...] = tuple(
    (group, leaf) for group in GROUPS for leaf in GROUPS[group].model_fields
)


def leaves(nested: Nested) -> Iterator[tuple[Key, Any]]:
    """Each `(group, leaf), value` of a mapping nested like `Settings`.

    Raises:
        ValueError: a key that `Settings` has not.
    """
    for group, values in nested.items():
        if group not in GROUPS:
            raise ValueError(f"unknown key {unknown(group, GROUPS)}")
        for leaf, value in values.items():
            if leaf not in GROUPS[group].model_fields:
                raise ValueError(
                    f"{group}: unknown key {unknown(leaf, GROUPS[group].model_fields)}"
                )
            yield (group, leaf), value


def check_value(key: Key, value: object) -> Any:  # noqa: ANN401 - settings have several types
    """The value as its setting holds it; a ValueError for a wrong type or an impossible value."""
    group, leaf = key
    field = GROUPS[group].model_fields[leaf]
    annotated: Any = Annotated[field.annotation, field]
    adapter = TypeAdapter(annotated, config=ConfigDict(strict=True, allow_inf_nan=False))
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise ValueError(f"{group}.{leaf}: {first_problem(error)}") from error


def override(settings: Settings, changes: Iterable[tuple[Key, Any]]) -> Settings:
    """The settings with some leaves replaced and checked again.

    Raises:
        ValueError: a value is impossible, alone or beside the others; one line.
    """
    values = settings.model_dump()
    for key, value in changes:
        values[key[0]][key[1]] = check_value(key, value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error


def word(value: object) -> str:
    """A setting's value in a name that is also a folder.

    A list is joined by "+", free text becomes a slug and a hash of it.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "+".join(map(word, value)) or "none"
    if not isinstance(value, str) or re.fullmatch(r"[A-Za-z0-9_.-]{0,32}", value):
        return str(value)
    slug = re.sub(r"[^A-Za-z0-9]+", "-", value)[:24].strip("-")
    return f"{slug}+{hashlib.sha256(value.encode()).hexdigest()[:8]}"
