"""The scorecard on the report's first page: what was planted and what was found."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zimage_eval.report_tables import MISSING, markdown_table

_CAPTION = (
    "*Found is the set of answers that may be the best one, from scores alone: neither the planted "
    "answers nor the declared defaults are read. Recovered: the set holds the planted answer and "
    "leaves out at least half of the grid. Recovery shows that the method finds planted effects of "
    "this size. It is no evidence about Z-Image.*"
)


def read_scorecard(path: Path) -> Mapping[str, Any]:
    """The scorecard by family; empty where none was made."""
    if not path.is_file():
        return {}
    card: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return card


def calibration_section(card: Mapping[str, Any]) -> str:
    """A heading, the truths of every family, the totals, and recovery under worse conditions."""
    parts = ["## Calibration"]
    if not card:
        return "\n\n".join([*parts, "No scorecard was made (`make calibrate`)."])
    rows = [
        [
            family,
            truth.replace("_", " "),
            one["planted"],
            ", ".join(one["found"]) or MISSING,
            "**yes**" if one["recovered"] else "no",
            str(one["num_prompts"] or MISSING),
        ]
        for family, each in card.items()
        for truth, one in each["truths"].items()
    ]
    head = ["family", "truth", "planted", "found", "recovered", "n"]
    parts += [markdown_table(head, rows), *(_total(name, one) for name, one in card.items())]
    return "\n\n".join([*parts, _recovery(card), _CAPTION])


def _total(family: str, card: Mapping[str, Any]) -> str:
    total = card["total"]
    return (
        f"- **{family}**: {total['num_recovered']} of {total['num_truths']} recovered, "
        f"{total['share']:.0%} [{total['low']:.0%}, {total['high']:.0%}] (exact 95 % interval); an "
        f"answer picked at random would be in such a set {total['chance']:.0%} of the time."
    )


def _recovery(card: Mapping[str, Any]) -> str:
    conditions = [
        *((f"{size} prompts", "by_num_prompts", size) for size in _keys(card, "by_num_prompts")),
        *(
            (f"judge wrong on {float(share):.0%}", "by_wrong_answers", share)
            for share in _keys(card, "by_wrong_answers")
        ),
    ]
    rows = [
        [label, *(f"{one['recovery'][kind][key]:.0%}" for one in card.values())]
        for label, kind, key in conditions
    ]
    shuffled = [
        sum(one["found_in_shuffled"].values()) / len(one["found_in_shuffled"])
        for one in card.values()
    ]
    rows.append(["variants shuffled (should be near 0)", *(f"{one:.0%}" for one in shuffled)])
    return markdown_table(["recovered with", *card], rows)


def _keys(card: Mapping[str, Any], kind: str) -> list[str]:
    return list(next(iter(card.values()))["recovery"][kind])
