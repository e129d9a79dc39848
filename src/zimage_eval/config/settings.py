"""All settings of one image, overriding them, and names for their values."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import ConfigDict, TypeAdapter, ValidationError, model_validator

from zimage_eval.config.frozen import Frozen, first_problem, parse_yaml, shown, unknown
from zimage_eval.config.setting_groups import (
    EncoderSettings,
    ImageSettings,
    PromptSettings,
    RefinerSettings,
    RopeSettings,
    SamplerSettings,
)

Nested = Mapping[str, Mapping[str, Any]]
Key = tuple[str, str]
"""Group and name of one setting, such as `("sampler", "shift")`."""


OWN_TABLE = 1536
"""Positions of the released models' table. A prompt may be as long under a shorter one: whether its
caption still fits is then the question."""


class Settings(Frozen):
    """Everything that decides an image, except prompt, seed and weights."""

    prompt: PromptSettings
    encoder: EncoderSettings
    sampler: SamplerSettings
    refiner: RefinerSettings
    rope: RopeSettings
    image: ImageSettings

    @model_validator(mode="after")
    def _captions_end_with_the_table(self) -> Self:
        longest = max(self.rope.table_length, OWN_TABLE) - 2
        if self.encoder.max_sequence_length > longest:
            raise ValueError(
                f"encoder.max_sequence_length: {self.encoder.max_sequence_length} is more than a "
                f"caption can have; allowed with rope.table_length {self.rope.table_length}: 16 to "
                f"{longest}"
            )
        return self

    @model_validator(mode="after")
    def _maps_know_prompts_as_written(self) -> Self:
        if self.encoder.layer_map != "none" and not self.prompt.is_neutral:
            raise ValueError(
                f"encoder.layer_map: {self.encoder.layer_map!r} is fitted on prompts as they are "
                "written; allowed with another wording: 'none'"
            )
        return self


GROUPS: dict[str, type[Frozen]] = {
    "prompt": PromptSettings,
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
    """Each `(group, name), value` of a mapping nested like `Settings`.

    Raises:
        ValueError: `Settings` does not have such a key.
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
    """The value in the form in which its setting holds it.

    Raises:
        ValueError: the type is wrong or the setting can't have the value.
    """
    group, leaf = key
    field = GROUPS[group].model_fields[leaf]
    annotated: Any = Annotated[field.annotation, field]
    adapter = TypeAdapter(annotated, config=ConfigDict(strict=True, allow_inf_nan=False))
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise ValueError(f"{group}.{leaf}: {first_problem(error)}") from error


def check_values(key: Key, values: Iterable[object]) -> list[Any]:
    """Several values of one setting, each in the form in which the setting holds it.

    Raises:
        ValueError: there is no value, one is impossible, or one stands twice.
    """
    checked = [check_value(key, value) for value in values]
    if not checked:
        raise ValueError(f"{'.'.join(key)}: needs at least one value")
    if len(set(checked)) < len(checked):
        raise ValueError(f"{'.'.join(key)}: a value stands twice in {shown(checked)}")
    return checked


def parse_changes(words: Iterable[str]) -> dict[Key, list[Any]]:
    """Setting -> values from arguments such as `sampler.shift=3`.

    Args:
        words: `group.name=value` each; the value is YAML, and a list gives several values.

    Raises:
        ValueError: a word has another form, a setting is unknown or stands twice, or it can't have
            a value.
    """
    changes: dict[Key, list[Any]] = {}
    for argument in words:
        name, equals, written = argument.partition("=")
        group, dot, leaf = name.partition(".")
        if not (equals and dot):
            raise ValueError(f"{shown(argument)}: must be group.setting=value")
        value = parse_yaml(written, name)
        values = value if isinstance(value, list) else [value]
        [(key, _)] = leaves({group: {leaf: values}})
        if key in changes:
            raise ValueError(f"{name}: stands twice; several values are a list")
        changes[key] = check_values(key, values)
    return changes


def override(settings: Settings, changes: Iterable[tuple[Key, Any]]) -> Settings:
    """The settings with some values replaced, and checked again.

    Raises:
        ValueError: a value is impossible, alone or together with the others; one line.
    """
    values = settings.model_dump()
    for key, value in changes:
        values[key[0]][key[1]] = check_value(key, value)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ValueError(first_problem(error)) from error


def value_name(value: object) -> str:
    """A setting's value as it stands in the name of a variant, which is also a folder name.

    A list is joined by "+"; free text becomes its first letters and digits and a hash.
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "+".join(map(value_name, value)) or "none"
    if not isinstance(value, str) or re.fullmatch(r"[A-Za-z0-9_.-]{0,32}", value):
        return str(value)
    slug = re.sub(r"[^A-Za-z0-9]+", "-", value)[:24].strip("-")
    return f"{slug}+{hashlib.sha256(value.encode()).hexdigest()[:8]}"
