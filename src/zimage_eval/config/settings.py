"""The settings of one image, and how they are overridden and named."""

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
"""Group and leaf of one setting, such as `("sampler", "shift")`."""


OWN_TABLE = 1536
"""Positions of the released models' table. A prompt may be as long under a shorter one: whether its
caption still fits is then the question."""


class Settings(Frozen):
    """All that decides an image but prompt, seed and weights."""

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


def check_values(key: Key, values: Iterable[object]) -> list[Any]:
    """The values that a setting is given in turn, each as its setting holds it.

    Raises:
        ValueError: there is none, or one is impossible, or stands twice.
    """
    checked = [check_value(key, value) for value in values]
    if not checked:
        raise ValueError(f"{'.'.join(key)}: needs at least one value")
    if len(set(checked)) < len(checked):
        raise ValueError(f"{'.'.join(key)}: a value stands twice in {shown(checked)}")
    return checked


def parse_changes(words: Iterable[str]) -> dict[Key, list[Any]]:
    """Values by setting from `group.leaf=value`; in YAML, and a list is several values.

    Raises:
        ValueError: a word that is none, an unknown setting or one that stands twice, or a value
            that it can't have.
    """
    changes: dict[Key, list[Any]] = {}
    for word_given in words:
        name, equals, written = word_given.partition("=")
        group, dot, leaf = name.partition(".")
        if not (equals and dot):
            raise ValueError(f"{shown(word_given)}: must be group.setting=value")
        value = parse_yaml(written, name)
        values = value if isinstance(value, list) else [value]
        [(key, _)] = leaves({group: {leaf: values}})
        if key in changes:
            raise ValueError(f"{name}: stands twice; several values are a list")
        changes[key] = check_values(key, values)
    return changes


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
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "+".join(map(word, value)) or "none"
    if not isinstance(value, str) or re.fullmatch(r"[A-Za-z0-9_.-]{0,32}", value):
        return str(value)
    slug = re.sub(r"[^A-Za-z0-9]+", "-", value)[:24].strip("-")
    return f"{slug}+{hashlib.sha256(value.encode()).hexdigest()[:8]}"
