"""Write a CSV of questions about pictures, one for each fact of a prompt, for people to answer."""

import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from zimage_eval.metrics.judges.hand_labels import COLUMNS
from zimage_eval.metrics.judges.judges import load_image
from zimage_eval.output.results import csv_text
from zimage_eval.output.tables import TableRow
from zimage_eval.prompts.facts import Facts

FORMULA_STARTS = r"=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""Characters at which a spreadsheet takes a cell for a formula, with the full-width = + - @."""


class FactQuestion(NamedTuple):
    """A question to a person about a fact of a picture."""

    fact: str
    """`FactResult.name`."""
    words: str


def questions(facts: Facts) -> Iterator[FactQuestion]:
    """Yield the questions about a picture, one for each fact of its prompt."""
    for index, fact in enumerate(facts.objects):
        thing = f"{fact.color} {fact.name}" if fact.color else fact.name
        yield FactQuestion(f"shape {index}", f"Is there a {fact.name}?")
        for kind in ("color", "size", "fill"):
            value = getattr(fact, kind)
            if value:
                yield FactQuestion(f"{kind} {index}", f"Is each {fact.name} asked for {value}?")
        yield FactQuestion(
            f"count {index}", f"Is the number of this exactly {fact.count}: {thing}?"
        )
        if fact.position:
            yield FactQuestion(
                f"position {index}", f"Is the {thing} at this place: {fact.position}?"
            )
    for index, relation in enumerate(facts.relations):
        subject, target = (facts.objects[i].name for i in (relation.subject, relation.object))
        words = relation.relation.replace("_", " ")
        yield FactQuestion(f"relation {index}", f"Is the {subject} {words} the {target}?")
    if facts.background:
        yield FactQuestion("background", f"Is this the background: {facts.background}?")
    if facts.style:
        yield FactQuestion("style", f"Is this the medium: {facts.style}?")


def draw_pictures(
    rows: Sequence[TableRow], prompts: Sequence[TableRow], num_images: int, seed: int
) -> list[tuple[TableRow, TableRow]]:
    """A random choice of images that were made: rows of the image table, with their prompts' rows.

    Raises:
        ValueError: fewer than `num_images` images were made.
    """
    by_id = {prompt["prompt_id"]: prompt for prompt in prompts}
    complete = [row for row in rows if row["prompt_id"] in by_id and row["error"] is None]
    if len(complete) < num_images:
        raise ValueError(f"{num_images} pictures are asked for, {len(complete)} are there")
    return [
        (row, by_id[row["prompt_id"]]) for row in random.Random(seed).sample(complete, num_images)
    ]


def write_sheet(chosen: Sequence[tuple[TableRow, TableRow]], folder: Path) -> str:
    """The text of the CSV: a line for each question, with an empty cell for the answer.

    Each line names the image file to look at. A picture that two variants share is asked about
    once. No cell can be taken for a formula (`as_text_cell`).

    Raises:
        ValueError: an image file is missing or damaged.
    """
    lines = []
    digests = set()
    for row, prompt in chosen:
        digest = load_image(folder / row["file"]).digest
        if digest not in digests:
            digests.add(digest)
            for question in questions(Facts.model_validate_json(prompt["facts"])):
                shown = [question.words, prompt["text"], str(folder / row["file"])]
                lines.append([digest, question.fact, "", *map(as_text_cell, shown)])
    return csv_text([*COLUMNS, "question", "prompt", "file"], lines)


def as_text_cell(text: str) -> str:
    """The text, with a `'` before it where a spreadsheet would take it for a formula.

    The `'` goes before texts such as `'=` too, so that removing one `'` always gives the text back.
    """
    return f"'{text}" if re.match(rf"'*[{FORMULA_STARTS}]", text) else text
