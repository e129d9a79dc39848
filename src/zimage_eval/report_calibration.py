"""The scorecard on the report's first page: what was planted and what was found."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zimage_eval.report_recovery import controls_table, judge_table, share_words, size_table
from zimage_eval.studies.shown_numbers import MISSING, markdown_table

Card = Mapping[str, Any]
_CAPTION = (
    "*Found is the set of answers that may be the right one, from scores alone: neither the "
    "planted answers nor the declared defaults are read. Recovered: the set holds the planted "
    "answer and leaves out at least half of the grid. No consequence: measured directly, before "
    "any study, the answer beats less than half of its alternatives by the threshold that was set "
    "(calibration/README.md); it is not counted. The rival that a judge favors is the next answer "
    "of the grid. Labels are 200 pictures that people look at, of the two answers that the judge "
    "puts first. Recovery shows that the method finds planted effects of this size. It is no "
    "evidence about Z-Image.*"
)


def read_scorecard(path: Path) -> Card:
    """The scorecard by family; empty where none was made."""
    if not path.is_file():
        return {}
    card: Card = json.loads(path.read_text(encoding="utf-8"))
    return card


def calibration_section(card: Card) -> str:
    """A heading, the truths of every family and the totals, recovery by condition, controls."""
    parts = ["## Calibration"]
    if not card:
        return "\n\n".join([*parts, "No scorecard was made (`make calibrate`)."])
    totals = "\n".join(_total(name, one) for name, one in card.items())
    tables = [_truths_table(card), totals, size_table(card), judge_table(card)]
    return "\n\n".join([*parts, *filter(None, [*tables, controls_table(card)]), _CAPTION])


def _truths_table(card: Card) -> str:
    sizes = sorted({one["default_size"] for one in card.values()})
    head = ["family", "truth", "planted", "found", "measured", "recovered", "pictures"]
    rows = [
        [
            family,
            truth.replace("_", " "),
            row["planted"],
            ", ".join(row["found"]) or MISSING,
            _measured(row),
            _verdict(row),
            f"{row['num_images']:,}" if row["num_images"] else MISSING,
            share_words(default_share(one, truth)),
        ]
        for family, one in card.items()
        for truth, row in one["truths"].items()
    ]
    return markdown_table([*head, f"at the default size ({', '.join(sizes)})"], rows)


def default_share(card: Card, truth: str) -> float | None:
    """How often a truth of a family is recovered at the study's own size; None if not known."""
    by_pictures = card["by_pictures"].get(str(card["default_pictures"]), {})
    share = card["by_size"].get(card["default_size"], {}).get(truth)
    return by_pictures.get(truth.removeprefix("hole ")) if share is None else share


def _measured(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return MISSING
    ends = "" if row["low"] is None else f" [{_number(row['low'])}, {_number(row['high'])}]"
    return f"{row['measured']}: {_number(row['value'])}{ends}"


def _number(value: float) -> str:
    """Three digits, no exponent unless the number is tiny."""
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _verdict(row: Mapping[str, Any]) -> str:
    found = "**yes**" if row["recovered"] else "no"
    if row["has_consequence"] is False:
        beaten = f"{row['num_alternatives_beaten']} of {row['num_alternatives']}"
        return f"no consequence ({beaten} alternatives beaten; found: {found.strip('*')})"
    return found


def _total(family: str, card: Card) -> str:
    total = card["total"]
    if not total["num_truths"]:
        return f"- **{family}**: no truth with a consequence."
    known = [row["has_consequence"] is not None for row in card["truths"].values()]
    words = "truths with a consequence" if all(known) else "truths"
    unknown = known.count(False)
    return (
        f"- **{family}**: {total['num_recovered']} of {total['num_truths']} {words} recovered, "
        f"{total['share']:.0%} [{total['low']:.0%}, {total['high']:.0%}] (exact 95 % interval); an "
        f"answer picked at random would be in such a set {total['chance']:.0%} of the time."
        + _default_words(card)
        + (f" Whether {unknown} of them have a consequence was not measured." if unknown else "")
    )


def _default_words(card: Card) -> str:
    shares = [
        share
        for truth, row in card["truths"].items()
        if row["has_consequence"] is not False and (share := default_share(card, truth)) is not None
    ]
    if not shares:
        return ""
    mean = sum(shares) / len(shares)
    return f" At the default size {mean:.0%} of the {len(shares)} that it could be drawn for."
