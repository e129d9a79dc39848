"""What people saw in pictures, from a CSV file."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from zimage_eval.config.frozen import unknown
from zimage_eval.config.measuring import PinnedFile
from zimage_eval.metrics.networks.files import check_digest
from zimage_eval.prompts.facts import FactKind, FactResult

COLUMNS = ("image", "fact", "held")
ANSWERS = {"yes": True, "no": False}
HandLabels = Mapping[str, Mapping[str, bool]]
"""By image and fact: whether it holds."""


def read_hand_labels(file: PinnedFile) -> HandLabels:
    """The labels of a CSV with columns image, fact, held (yes or no), and any others.

    An image is named by the first 16 hex digits of its file's sha256, so that a label stays with
    the pixels it is about. A line without an answer is one that nobody has looked at yet.

    Raises:
        ValueError: the file is missing or another than declared, or a line is none of this; names
            the line.
    """
    path = Path(file.path or "").expanduser()
    if not path.is_file():
        raise ValueError(f"hand_labels: {path}: no such file")
    check_digest("hand_labels", file, [path])
    labels: dict[str, dict[str, bool]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: no column {', '.join(sorted(missing))}")
        for row in reader:
            where = f"{path}:{reader.line_num}"
            answer = row["held"].strip().lower()
            if not answer:
                continue
            if answer not in ANSWERS:
                raise ValueError(f"{where}: held: {unknown(row['held'], ANSWERS)}")
            known = labels.setdefault(row["image"], {})
            fact = parse_fact(row["fact"], where).name
            if known.setdefault(fact, ANSWERS[answer]) != ANSWERS[answer]:
                raise ValueError(f"{where}: {row['image']} {fact} was labeled otherwise before")
    return labels


def parse_fact(name: str, where: str) -> FactResult:
    """The fact of a name like `color 0` or `background`, as one that holds.

    Raises:
        ValueError: it is no such name; begins with `where`.
    """
    kind, _, subject = name.partition(" ")
    if kind not in get_args(FactKind):
        raise ValueError(f"{where}: fact: {unknown(kind, get_args(FactKind))}")
    if subject and not subject.isdecimal():
        raise ValueError(f"{where}: fact {name!r}: {subject!r} is no index")
    return FactResult(kind, True, int(subject) if subject else None)  # type: ignore[arg-type]
