"""A CSV of pictures and the facts of their prompts, for people to answer."""

import csv
import io
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from zimage_eval.metrics.judges.hand_labels import COLUMNS
from zimage_eval.metrics.judges.judges import load_image
from zimage_eval.output.tables import TableRow
from zimage_eval.prompts.facts import Facts

FORMULA_STARTS = r"=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
"""Characters that begin what a spreadsheet computes, the full-width ones of = + - @ among them."""


class FactQuestion(NamedTuple):
    """A fact of a picture that a person is asked about."""

    fact: str
    """`FactResult.name`."""
    words: str


def questions(facts: Facts) -> Iterator[FactQuestion]:
    """What to ask of a picture, one question a fact."""
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
        subject, other = (facts.objects[i].name for i in (relation.subject, relation.object))
        words = relation.relation.replace("_", " ")
        yield FactQuestion(f"relation {index}", f"Is the {subject} {words} the {other}?")
    if facts.background:
        yield FactQuestion("background", f"Is this the background: {facts.background}?")
    if facts.style:
        yield FactQuestion("style", f"Is this the medium: {facts.style}?")


def draw_pictures(
    rows: Sequence[TableRow], prompts: Sequence[TableRow], num_images: int, seed: int
) -> list[tuple[TableRow, TableRow]]:
    """Rows of an image table and of their prompts, drawn at random among those that were made."""
    by_id = {prompt["prompt_id"]: prompt for prompt in prompts}
    made = [row for row in rows if row["prompt_id"] in by_id and row["error"] is None]
    if len(made) < num_images:
        raise ValueError(f"{num_images} pictures are asked for, {len(made)} are there")
    return [(row, by_id[row["prompt_id"]]) for row in random.Random(seed).sample(made, num_images)]


def write_sheet(chosen: Sequence[tuple[TableRow, TableRow]], folder: Path) -> str:
    """The CSV: a line a question, its answer left empty; the file is there to be looked at.

    A picture that two variants share is asked about once. Cells are `as_text_cell`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "question", "prompt", "file"])
    seen = set()
    for row, prompt in chosen:
        digest = load_image(folder / row["file"]).digest
        if digest not in seen:
            seen.add(digest)
            for question in questions(Facts.model_validate_json(prompt["facts"])):
                shown = [question.words, prompt["text"], str(folder / row["file"])]
                writer.writerow([digest, question.fact, "", *map(as_text_cell, shown)])
    return text.getvalue()


def as_text_cell(text: str) -> str:
    """A cell that no spreadsheet computes: `'` before what begins like a formula.

    It goes before `'=` too, so that taking one `'` away from `'=`, `''=` and the like always gives
    the text back.
    """
    return f"'{text}" if re.match(rf"'*[{FORMULA_STARTS}]", text) else text
