"""What people saw in pictures, from a CSV file."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from zimage_eval.config.frozen import unknown
from zimage_eval.config.kinds import FactKind
from zimage_eval.config.measuring import PinnedFile
from zimage_eval.metrics.networks.files import check_digest
from zimage_eval.output.results import csv_lines
from zimage_eval.output.tables import TableRow
from zimage_eval.prompts.facts import FactResult

COLUMNS = ("image", "fact", "held")
ANSWERS = {"yes": True, "no": False}
OF_THE_WHOLE: tuple[FactKind, ...] = ("background", "style")
"""Facts of a picture as a whole; the others are of an object or relation, `count` of either."""
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
    lines = csv_lines(path)
    header = next(lines, None)
    places = _places(str(path), header.cells if header else ())
    labels: dict[str, dict[str, bool]] = {}
    for line in lines:
        if not any(line.cells):
            continue
        image, name, held = (line.cells[place] for place in places)
        if not re.fullmatch(r"[0-9a-f]{16}", image):
            raise ValueError(
                f"{line.where}: image: {image!r} is not 16 hex digits in lower case"
                " (a column that a spreadsheet does not take for numbers must be text)"
            )
        fact, answer = parse_fact(name, line.where).name, held.strip().lower()
        if not answer:
            continue
        if answer not in ANSWERS:
            raise ValueError(f"{line.where}: held: {unknown(held, ANSWERS)}")
        answers = labels.setdefault(image, {})
        if answers.setdefault(fact, ANSWERS[answer]) != ANSWERS[answer]:
            raise ValueError(f"{line.where}: {image} {fact} was labeled otherwise before")
    return labels


def _places(where: str, header: Sequence[str]) -> list[int]:
    """Where the three columns stand."""
    missing = sorted(set(COLUMNS) - set(header))
    if missing:
        separator = next((mark for mark in ";\t" if mark in "".join(header)), None)
        hint = f"; fields are parted by a comma, not by {separator!r}" if separator else ""
        raise ValueError(f"{where}: no column {', '.join(missing)}{hint}")
    for name in COLUMNS:
        if list(header).count(name) > 1:
            raise ValueError(f"{where}: column {name} stands twice")
    return [list(header).index(name) for name in COLUMNS]


def parse_fact(name: str, where: str) -> FactResult:
    """The fact of a name like `color 0` or `background`, as one that holds.

    Raises:
        ValueError: it is no such name; begins with `where`.
    """
    kind, space, subject = name.partition(" ")
    if kind not in get_args(FactKind):
        raise ValueError(f"{where}: fact: {unknown(kind, get_args(FactKind))}")
    if space and not re.fullmatch(r"0|[1-9][0-9]{0,3}", subject):
        raise ValueError(f"{where}: fact {name[:40]!r}: {subject[:20]!r} is no index")
    if space and kind in OF_THE_WHOLE:
        raise ValueError(f"{where}: fact {name!r}: {kind} is of the whole picture, without index")
    if not space and kind not in (*OF_THE_WHOLE, "count"):
        raise ValueError(f"{where}: fact {name!r}: of which object or relation? like {kind} 0")
    return FactResult(kind, True, int(subject) if subject else None)  # type: ignore[arg-type]


def describe_unmatched(labels: HandLabels, facts: Iterable[TableRow]) -> str | None:
    """What of the labels is about no picture or no fact that was judged; None where all match.

    Args:
        labels: of people.
        facts: rows of FACTS tables, of every study.
    """
    judged: dict[str, set[str]] = {}
    for row in facts:
        judged.setdefault(row["image"], set()).add(row["fact"])
    strangers = sorted(set(labels) - set(judged))
    unjudged = sorted(
        f"{image} {fact}"
        for image, answers in labels.items()
        for fact in answers
        if image in judged and fact not in judged[image]
    )
    words = [
        f"{len(rest)} of {total} {what}, the first {rest[0]}"
        for rest, total, what in (
            (strangers, len(labels), "labeled pictures are in no study"),
            (unjudged, sum(map(len, labels.values())), "labels are of facts that were not judged"),
        )
        if rest
    ]
    return f"hand labels: {'; '.join(words)}" if words else None
