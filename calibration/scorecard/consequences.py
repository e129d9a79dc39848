"""Which planted answers have a consequence that a study could find.

`calibration.study.plant_strength` held each answer directly against its alternatives, before any
study ran. An answer is found when its set holds it and leaves out half of the grid; so it has to
beat at least half of its alternatives by what matters. One that does not is listed and not counted.
"""

from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, TypeAdapter

from zimage_eval.output.results import read_json


class Consequence(NamedTuple):
    """How a planted answer did against its alternatives."""

    num_beaten: int
    """Alternatives that it beat by its metric's margin at least."""
    num_alternatives: int

    @property
    def is_enough(self) -> bool:
        """Whether a study could leave out half of the alternatives."""
        return 2 * self.num_beaten >= self.num_alternatives


class _Strength(BaseModel):
    """What is read of a truth's row in a family's `strength.json`."""

    num_alternatives: int
    num_alternatives_beaten: int


def read_consequences(path: Path) -> dict[str, Consequence]:
    """Truth -> consequence, from a family's `strength.json`; empty if there is no such file."""
    if not path.is_file():
        return {}
    rows = read_json(path, TypeAdapter(dict[str, _Strength]))
    return {
        truth: Consequence(row.num_alternatives_beaten, row.num_alternatives)
        for truth, row in rows.items()
    }
