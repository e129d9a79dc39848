"""The scorecard's tables of what recovery depends on, and of what must come to nothing."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zimage_eval.studies.shown_numbers import MISSING, markdown_table, show

Card = Mapping[str, Any]
_OUTCOMES = {
    "recovered": "recovered",
    "crowned": "another answer found",
    "crowned_unnoticed": "and labels silent",
    "objected": "labels object",
}


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


def _word_rows(card: Card) -> Iterator[list[str]]:
    for words, seen in card["neutral_words"].items():
        ends = ", ".join(show(seen[end], 0, signed=True) for end in ("low", "high"))
        found = f"{seen['kind'].replace('_', ' ')}, {show(seen['difference'], 0, signed=True)}"
        promised = f"within {seen['margin']:g}, or unresolved"
        control = f"words said of any picture, {words}: {seen['metric']}"
        yield [control, promised, f"{found} [{ends}]", _kept(seen["is_quiet"])]


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
