"""Frozen types, and how a YAML file becomes one; what is wrong is said in one line."""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError


class Frozen(BaseModel):
    """A value that can't be changed and holds no key it does not know.

    Types are strict: `true` is no number and `"8"` is no integer; `3` is accepted for `3.0`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:  # noqa: ANN401 - pydantic hands over anything
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise ValueError(f"unknown key {unknown(key, cls.model_fields)}")
        return data

    def canonical(self) -> str:
        """JSON with sorted keys; equal values give equal text (3 and 3.0 agree)."""
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))


class Problems(ValueError):
    """Several things that are wrong; `args` has a line of each."""

    def __str__(self) -> str:
        return "; ".join(self.args)


AnyModel = TypeVar("AnyModel", bound=BaseModel)
SHOWN_CHARACTERS = 200
"""Of a value in an error line: what is wrong with a longer one shows at its beginning."""


def unknown(value: object, allowed: Iterable[str]) -> str:
    """The words for a value that isn't among the allowed ones, with the nearest of them."""
    names = list(allowed)
    close = get_close_matches(str(value), names, n=1)
    guess = f", did you mean {close[0]!r}?" if close else ";"
    return f"{shown(value)}{guess} allowed: {', '.join(names) or 'none'}"


def shown(value: object) -> str:
    """A value as an error line repeats it: one line, cut where it is long."""
    try:
        return cut(repr(value))
    except ValueError:  # Python writes out no more than 4,300 digits
        return f"{type(value).__name__} of too many digits"


def cut(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]}..."


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files of a folder, by name. Hidden files and *.md stand beside them unread.

    Raises:
        ValueError: something else is in it, which would be left out without a word; names it.
    """
    read = [path for path in sorted(folder.glob("*")) if not path.name.startswith(".")]
    for path in read:
        if path.suffix not in (".yaml", ".md"):
            raise ValueError(f"{path}: is not read here; files to be read end in .yaml")
    return [path for path in read if path.suffix == ".yaml"]


def read_yaml(path: Path) -> Any:  # noqa: ANN401 - a YAML file holds anything
    """The content of a YAML file, read as DVC reads it (YAML 1.2).

    Raises:
        ValueError: the file is missing, is no YAML or holds a key twice; names file and line.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())}") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Any:  # noqa: ANN401 - YAML holds anything
    """What a text says in YAML 1.2.

    Raises:
        ValueError: it is no YAML or holds a key twice; one line that begins with `where`.
    """
    try:
        return YAML(typ="safe").load(text)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ValueError(f"{where}{line}: {error.problem}") from error
    except (YAMLError, ValueError) as error:  # a date or a number that is none is a ValueError
        raise ValueError(f"{where}: {cut(str(error))}") from error


def parse(data: object, model: type[AnyModel], where: str) -> AnyModel:
    """`data` as a type of pydantic.

    Raises:
        ValueError: one line that begins with `where` and names the key, the value, what is allowed.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ValueError(f"{where}: {first_problem(error)}") from error


def first_problem(error: ValidationError) -> str:
    """The first of a validation's errors in one line, and how many more there are."""
    errors = error.errors(include_url=False)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return _words(errors[0]) + more


def _words(detail: ErrorDetails) -> str:
    location = ".".join(str(part) for part in detail["loc"] if part != "[key]")
    prefix = f"{location}: " if location else ""
    if detail["type"] == "missing":
        return f"{prefix}missing"
    if detail["type"] == "value_error":
        return prefix + detail["msg"].removeprefix("Value error, ")
    message = detail["msg"].replace("valid tuple", "list").replace("valid dictionary", "mapping")
    return f"{prefix}{message}, got {shown(detail['input'])}"
