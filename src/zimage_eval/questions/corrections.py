"""questions/corrections.yaml: what the notes behind the questions said, and what is true."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, TypeAdapter, ValidationError, model_validator

from zimage_eval.config.frozen import Frozen, first_problem, read_yaml, unknown
from zimage_eval.questions.terms import CORRECTIONS_FILE, Name


class Correction(Frozen):
    """A statement, and what is true of it."""

    row: Name
    """The page that shows it, such as A7."""
    statement: Name
    status: Literal["wrong", "half right", "right"]
    truth: Name
    """Its numbers are references to results (`report.citations`)."""
    check: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+:[A-Za-z0-9_]+$")] | None = None
    """`benchmark:check` that must hold."""
    source: Name | None = None
    """Where it was published, or stands in code."""

    @model_validator(mode="after")
    def _rests_on_something(self) -> Self:
        if self.check is None and self.source is None:
            raise ValueError(f"{self.statement!r}: needs a check or a source")
        return self


def load_corrections(folder: Path, rows: Collection[str]) -> tuple[Correction, ...]:
    """The corrections, in their order.

    Args:
        folder: of the questions' files.
        rows: that have a page.

    Raises:
        ValueError: the file is none, or names a row without a page.
    """
    path = folder / CORRECTIONS_FILE
    try:
        corrections = TypeAdapter(list[Correction]).validate_python(read_yaml(path), strict=True)
    except ValidationError as error:
        raise ValueError(f"{path}: {first_problem(error)}") from error
    for correction in corrections:
        if correction.row not in rows:
            raise ValueError(f"{path}: row: no page is of {unknown(correction.row, rows)}")
    return tuple(corrections)
