"""Where weights come from, at which revision, and by which SHA-256 they are known."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError

from zimage_eval.config.frozen import Frozen, Problems, first_problem, read_yaml, shown


def refuse_number(value: object) -> object:
    """Refuse a digest that YAML has read as a number, because it is of digits only or like 1e10.

    Raises:
        ValueError: says that the digest needs quotes.
    """
    if isinstance(value, int | float):
        raise ValueError(
            f"{shown(value)}: YAML reads a digest without letters, or like 1e10, as a number; put "
            "it in quotes"
        )
    return value


Digest = Annotated[
    str, BeforeValidator(refuse_number), StringConstraints(pattern=r"^[0-9a-f]{64}$")
]
"""A SHA-256 in hex digits."""
Revision = Annotated[
    str, BeforeValidator(refuse_number), StringConstraints(pattern=r"^[0-9a-f]{40}$")
]
"""A commit of a repository: a branch would be other weights tomorrow."""
Patterns = Annotated[tuple[str, ...], Field(strict=False)]
DIGESTS_SUFFIX = ".sha256"
_DIGEST_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")


class HubSource(Frozen):
    """Files of a repository on the Hugging Face hub."""

    repository: Annotated[str, StringConstraints(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Revision
    files: Annotated[Patterns, Field(min_length=1)]
    """Patterns of paths in the repository; `*` stands for anything, slashes included."""
    left_out: Patterns = ()
    """Patterns of paths that are not taken although `files` has them."""


class UrlSource(Frozen):
    """A single file at an address."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://.*[^/]$")]
    sha256: Digest


Source = HubSource | UrlSource


def load_network_sources(path: Path) -> dict[str, Source]:
    """Where each network that measures pictures comes from, by its name.

    Raises:
        ValueError: the file is missing, or a source has a wrong key or value; in one line.
    """
    try:
        return TypeAdapter(dict[str, Source]).validate_python(read_yaml(path))
    except ValidationError as error:
        raise ValueError(f"{path}: {first_problem(error)}") from error


def digests_file(model_file: Path) -> Path:
    """File of the SHA-256 of fetched weights: models/<name>.sha256 beside models/<name>.yaml."""
    return model_file.with_suffix(DIGESTS_SUFFIX)


def stated_in(model_file: Path) -> Path:
    """The file that states the SHA-256 of a model's files: that of the fetched ones, if there is.

    Only one of both states some.
    """
    fetched = digests_file(model_file)
    return fetched if fetched.is_file() else model_file


def read_digests(path: Path) -> dict[str, str]:
    """SHA-256 by path from a file as sha256sum writes it; empty if there is no file.

    Raises:
        Problems: lines that are none; names each.
    """
    if not path.is_file():
        return {}
    digests: dict[str, str] = {}
    problems = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        match = _DIGEST_LINE.fullmatch(line)
        if match is None:
            problems.append(f"{path}:{number}: must be a sha256, two blanks and a path: {line!r}")
        elif digests.setdefault(match[2], match[1]) != match[1]:
            problems.append(f"{path}:{number}: states another sha256 of {match[2]}")
    if problems:
        raise Problems(*problems)
    return digests


def write_digests(path: Path, title: str, digests: Mapping[str, str]) -> None:
    """Write SHA-256 by path, in the order of paths, such that `sha256sum --check` reads them."""
    lines = [f"# {title}", *(f"{digest}  {name}" for name, digest in sorted(digests.items()))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
