"""The scorecard: what was planted, what was found, and what must not be found where nothing is."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from zimage_eval.config.metrics import METRICS
from zimage_eval.output.results import read_json
from zimage_eval.questions.claims.claim import RATIO_DECIMALS, RivalTable
from zimage_eval.questions.evidence import RivalResult
from zimage_eval.report.words import FINDINGS, show_result
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
_OUTCOMES = {
    "recovered": "recovered",
    "crowned": "another answer found",
    "crowned_unnoticed": "and labels silent",
    "objected": "labels object",
}


def read_scorecard(path: Path) -> Card:
    """The scorecard by family; empty where none was made, ValueError where it is damaged."""
    if not path.is_file():
        return {}
    return read_json(path, TypeAdapter(dict[str, dict[str, Any]]))


def calibration_section(card: Card) -> str:
    """A heading, the truths of every family and the totals, recovery by condition, controls."""
    parts = ["## Calibration"]
    if not card:
        return "\n\n".join([*parts, "No scorecard was made (`make calibrate`)."])
    totals = "\n".join(_total(name, one) for name, one in card.items())
    tables = [_truths_table(card), totals, size_table(card), judge_table(card)]
    return "\n\n".join([*parts, *filter(None, [*tables, controls_table(card)]), _CAPTION])


def default_share(card: Card, truth: str) -> float | None:
    """How often a truth of a family is recovered at the study's own size; None if not known."""
    by_pictures = card["by_pictures"].get(str(card["default_pictures"]), {})
    share = card["by_size"].get(card["default_size"], {}).get(truth)
    return by_pictures.get(truth.removeprefix("hole ")) if share is None else share


def share_words(share: float | None) -> str:
    """A share in percent; a dash where there is none."""
    return MISSING if share is None else f"{share:.0%}"


def size_table(card: Card) -> str:
    """Recovered by prompts and seeds of the studies, and by pictures of each pair of the probe."""
    rows = []
    for size in _keys(card, "by_size"):
        shares = [_mean(one, one["by_size"].get(size, {})) for one in card.values()]
        rows.append([f"{size} prompts x seeds, drawn from those scored", *shares])
    for num in sorted(_keys(card, "by_pictures"), key=int):
        shares = [_mean(one, one["by_pictures"].get(num, {}), "hole ") for one in card.values()]
        rows.append([f"missing pairs, {num} pictures of each pair", *shares])
    return markdown_table(["recovered with (truths that were scored at this size)", *card], rows)


def judge_table(card: Card) -> str:
    """What comes out with a judge who errs, at random and in favor of a rival picked before.

    Empty if no study was judged.
    """
    words = {"at_random": "at random", "in_favor": "in favor of one rival"}
    rows = []
    for kind, said in words.items():
        shares = dict.fromkeys(
            share for one in card.values() for share in one["by_judge"].get(kind, {})
        )
        for share in shares:
            for family, one in card.items():
                outcomes = one["by_judge"].get(kind, {}).get(share, {})
                if outcomes:
                    cells = [_average(o.get(name) for o in outcomes.values()) for name in _OUTCOMES]
                    judge = f"{1 - float(share):.0%} right, wrong {said}"
                    rows.append([judge, family, *map(share_words, cells)])
    return markdown_table(["judge", "family", *_OUTCOMES.values()], rows) if rows else ""


def controls_table(card: Card) -> str:
    """What was planted as no effect, pairs that were shown, and shuffled answers."""
    rows = [
        [family, *row]
        for family, one in card.items()
        for row in (*_word_rows(one), *_flag_rows(one), *_shuffled_rows(one))
    ]
    return markdown_table(["family", "negative control", "promised", "came out", "kept"], rows)


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


def _word_rows(card: Card) -> Iterator[list[str]]:
    for words, seen in card["neutral_words"].items():
        result = RivalResult(words, seen["kind"], seen["difference"], seen["low"], seen["high"])
        metric = METRICS[seen["metric"]]
        is_ratio = metric.contrast == "log"
        shown = RivalTable(
            seen["metric"], RATIO_DECIMALS if is_ratio else metric.decimals, is_ratio=is_ratio
        )
        margin = f"{math.expm1(seen['margin']):.0%}" if is_ratio else f"{seen['margin']:g}"
        control = f"words said of any picture, {words}: {seen['metric']}"
        found = f"{FINDINGS[result.word]}, {show_result(result, shown)}"
        yield [control, f"not by more than {margin}", found, _kept(seen["is_quiet"])]


def _flag_rows(card: Card) -> Iterator[list[str]]:
    flags, promised = card["false_flags"], "none, in 19 of 20 families"
    for key, words in (
        ("pairs", "pairs that were shown, flagged"),
        ("neighbors", "of these, next to a missing pair"),
    ):
        if flags:
            num = flags["num_flagged" if key == "pairs" else f"num_{key}_flagged"]
            yield [words, promised, f"{num} of {flags[f'num_{key}']}", _kept(num == 0)]
    size = card["even_size"]
    if size:
        words = f"size, even in training where it is unsaid: {size['measured']}"
        found = f"{size['share']:.2f} [{size['low']:.2f}, {size['high']:.2f}]"
        yield [words, "no default", found, _kept(not size["is_flagged"])]


def _shuffled_rows(card: Card) -> Iterator[list[str]]:
    """All searches in one row, with the one that finds most; its interval has to reach 5 %."""
    searches = card["found_in_shuffled"]
    if searches:
        num, total = (sum(one[key] for one in searches.values()) for key in ("num", "num_draws"))
        most = max(searches, key=lambda name: searches[name]["num"])
        share, low, high = (f"{searches[most][key]:.1%}" for key in ("share", "low", "high"))
        found = f"{num} of {total:,}; most in {most.replace('_', ' ')}, {share} [{low}, {high}]"
        kept = _kept(searches[most]["low"] <= 0.05)
        yield ["answers shuffled within a prompt, found", "5 % at most", found, kept]


def _kept(is_kept: bool) -> str:
    return "yes" if is_kept else "**no**"


def _keys(card: Card, kind: str) -> list[str]:
    """In the order of the families' own."""
    return list(dict.fromkeys(key for one in card.values() for key in one[kind]))


def _mean(card: Card, shares: Mapping[str, float | None], prefix: str = "") -> str:
    """Over the truths that count and were scored, with their number."""
    counted = [
        share
        for truth, share in shares.items()
        if card["truths"][f"{prefix}{truth}"]["has_consequence"] is not False and share is not None
    ]
    return f"{_average(counted):.0%} ({len(counted)})" if counted else MISSING


def _average(shares: Iterable[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return sum(known) / len(known) if known else None
