"""A family as the scorecard reads it: what was planted, how much it matters, and its scores.

calibration/families/<family>/truths.yaml     the planted answers
calibration/families/<family>/strength.json   what each does against its alternatives
calibration/families/<family>/results/        scores that `calibration.study.run_study` kept
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from calibration.data.truths import Truths, load_truths
from calibration.scorecard.consequences import Consequence, read_consequences


class FamilyRecord(NamedTuple):
    """What is known of a family once it was studied."""

    truths: Truths
    results: Path
    """Folder of its scores."""
    consequences: Mapping[str, Consequence]
    """By truth; empty where none was measured."""


def read_family(truths: Path, results: Path | None = None) -> FamilyRecord:
    """The family of a file of planted answers.

    Args:
        truths: the file; `strength.json` is read beside it, if it is there.
        results: folder of the family's scores; `results/` beside the file if None.
    """
    consequences = read_consequences(truths.with_name("strength.json"))
    return FamilyRecord(load_truths(truths), results or truths.with_name("results"), consequences)


def committed_families(folder: Path) -> list[FamilyRecord]:
    """Every family of a folder in the report's order: those that share another's parts first."""
    records = [read_family(path) for path in sorted(folder.glob("*/truths.yaml"))]
    return sorted(records, key=lambda record: record.truths.shared_parts is None)
