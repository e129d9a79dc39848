"""Pieces of a sentence that are computed from results: names, differences, comparisons, words.

A piece is a function's name and its arguments, `{name|argument|argument}`. An argument is a number
of the results, `study:variant:metric`; a group of them, whose variant holds `*` (anything) or `?`
(any letter); a plain number;
a Python format; or words to choose from.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal, NamedTuple

from zimage_eval.config.frozen import unknown
from zimage_eval.output.results import Results
from zimage_eval.questions.measurements import CHECKS

REFERENCE = r"([a-z0-9_]+):([^{}|]+?):([A-Za-z0-9_.]+)"
"""Source, row and metric; a row may hold a colon with a space behind it."""
_REFERENCE = re.compile(REFERENCE)
_WILDCARD = re.compile(r"[*?]+")
Argument = Literal["number", "group", "format", "threshold", "text", "metric", "check", "claim"]


class Citable(NamedTuple):
    """What sentences may refer to."""

    results: Mapping[str, Results]
    """By name of their file."""
    words: Mapping[str, str]
    """The graded word of each claim of the page, by the claim's name."""


class Piece(NamedTuple):
    """A function of sentences."""

    arguments: tuple[Argument, ...]
    text: Callable[[Citable, Sequence[str]], str | None]
    """What stands in the sentence; None where a number is missing."""
    judges: bool
    """Whether it says by itself what a typed sentence must not: a name, a side, a word."""


def split_reference(text: str) -> tuple[str, str, str] | None:
    """Source, row and metric; None if it is no reference."""
    match = _REFERENCE.fullmatch(text)
    return (match[1], match[2], match[3]) if match else None


def number_of(results: Mapping[str, Results], text: str) -> float | None:
    """The number that a reference stands for, or that the text itself is."""
    parts = split_reference(text)
    if parts is None:
        return float(text) if _is_number(text) else None
    source, row, metric = parts
    return results.get(source, {}).get(source, {}).get(row, {}).get(metric)


def show_number(value: float, form: str) -> str:
    """A number in a Python format, with a minus sign instead of a hyphen."""
    return format(value, form or ".3g").replace("-", "\N{MINUS SIGN}")


def show_name(row: str, pattern: str) -> str:
    """What distinguishes a row from the others of its pattern, in words.

    `relation_word=on top of` of `relation_word=*` is "on top of", and `feature=num_commas` of
    `feature=*` is "number of commas". What still has a setting in it is shown as it is written.
    """
    before, *_, after = _WILDCARD.split(pattern)
    name = row.removeprefix(before).removesuffix(after)
    if "=" in name:
        return f"`{name}`"
    return re.sub(r"^num_", "number of ", name).replace("_", " ")


def _group(citable: Citable, text: str) -> dict[str, float]:
    """Number by row of a group; rows without that metric are left out."""
    source, pattern, metric = split_reference(text) or ("", "", "")
    rows = citable.results.get(source, {}).get(source, {})
    numbers = {row: values.get(metric) for row, values in rows.items() if fnmatchcase(row, pattern)}
    return {row: value for row, value in numbers.items() if value is not None}


def _pattern(text: str) -> str:
    return (split_reference(text) or ("", "", ""))[1]


_ORDERS: Final[Mapping[str, Callable[[float], float]]] = {
    "largest": lambda value: value,
    "smallest": lambda value: -value,
    "strongest": abs,
}


def _extreme(order: str) -> Callable[[Citable, str], tuple[str, float] | None]:
    def pick(citable: Citable, text: str) -> tuple[str, float] | None:
        numbers = _group(citable, text)
        rank = _ORDERS[order]
        return max(numbers.items(), key=lambda item: rank(item[1])) if numbers else None

    return pick


def _name_of(order: str) -> Piece:
    def text(citable: Citable, arguments: Sequence[str]) -> str | None:
        item = _extreme(order)(citable, arguments[0])
        return show_name(item[0], _pattern(arguments[0])) if item else None

    return Piece(("group",), text, judges=True)


def _value_of(order: str) -> Piece:
    def text(citable: Citable, arguments: Sequence[str]) -> str | None:
        item = _extreme(order)(citable, arguments[0])
        return show_number(item[1], arguments[1]) if item else None

    return Piece(("group", "format"), text, judges=True)


def _at(order: str) -> Piece:
    """Another metric of the row in which the group's metric is the largest or smallest."""

    def text(citable: Citable, arguments: Sequence[str]) -> str | None:
        item = _extreme(order)(citable, arguments[0])
        if item is None:
            return None
        source = arguments[0].split(":")[0]
        value = number_of(citable.results, f"{source}:{item[0]}:{arguments[1]}")
        return None if value is None else show_number(value, arguments[2])

    return Piece(("group", "metric", "format"), text, judges=True)


def _names(is_inside: Callable[[float, float], bool]) -> Piece:
    def text(citable: Citable, arguments: Sequence[str]) -> str | None:
        numbers = _group(citable, arguments[0])
        border, pattern = float(arguments[1]), _pattern(arguments[0])
        names = [
            f'"{show_name(row, pattern)}"'
            for row, value in numbers.items()
            if is_inside(value, border)
        ]
        if not numbers:
            return None
        return " and ".join(names) if len(names) < 3 and names else ", ".join(names) or "none"

    return Piece(("group", "threshold"), text, judges=True)


def _arithmetic(of: Callable[[float, float], float]) -> Piece:
    def text(citable: Citable, arguments: Sequence[str]) -> str | None:
        first, second = (number_of(citable.results, argument) for argument in arguments[:2])
        if first is None or second is None:
            return None
        return show_number(of(first, second), arguments[2])

    return Piece(("number", "number", "format"), text, judges=False)


def _compare(citable: Citable, arguments: Sequence[str]) -> str | None:
    first, second = (number_of(citable.results, argument) for argument in arguments[:2])
    if first is None or second is None:
        return None
    above, below, equal = arguments[2:]
    if first == second:
        return equal
    return above if first > second else below


def _holds(citable: Citable, arguments: Sequence[str]) -> str | None:
    source, _, check = arguments[0].partition(":")
    value = citable.results.get(source, {}).get(source, {}).get(CHECKS, {}).get(check)
    return None if value is None else ("yes" if value else "no")


PIECES: Final[Mapping[str, Piece]] = {
    "difference": _arithmetic(lambda first, second: first - second),
    "ratio": _arithmetic(lambda first, second: first / second),
    "name_of_largest": _name_of("largest"),
    "name_of_smallest": _name_of("smallest"),
    "name_of_strongest": _name_of("strongest"),
    "largest": _value_of("largest"),
    "smallest": _value_of("smallest"),
    "strongest": _value_of("strongest"),
    "at_largest": _at("largest"),
    "at_smallest": _at("smallest"),
    "names_at_most": _names(lambda value, border: value <= border),
    "names_at_least": _names(lambda value, border: value >= border),
    "compare": Piece(("number", "number", "text", "text", "text"), _compare, judges=True),
    "holds": Piece(("check",), _holds, judges=True),
    "word": Piece(
        ("claim",), lambda citable, arguments: citable.words.get(arguments[0]), judges=True
    ),
}
"""By the name that sentences write; docs/how-to/question.md says what each is for."""


def piece_sources(content: str) -> set[str]:
    """Names of the results that a piece refers to."""
    name, *arguments = content.split("|")
    kinds = PIECES[name].arguments if name in PIECES else ()
    return {
        argument.split(":")[0]
        for kind, argument in zip(kinds, arguments, strict=False)
        if kind in ("number", "group", "check") and ":" in argument
    }


def piece_problems(content: str, claims: Sequence[str]) -> Iterator[str]:
    """What is wrong with a piece as it is written, in words.

    Args:
        content: between the braces.
        claims: names of the page's claims.
    """
    name, *arguments = content.split("|")
    if name not in PIECES:
        yield f"no piece is {unknown(name, PIECES)}"
        return
    kinds = PIECES[name].arguments
    if len(kinds) != len(arguments):
        yield f"{name} takes {len(kinds)} arguments ({', '.join(kinds)}), not {len(arguments)}"
        return
    for kind, argument in zip(kinds, arguments, strict=True):
        if not _fits(kind, argument, claims):
            yield f"{argument!r} is no {kind}"


def _fits(kind: Argument, argument: str, claims: Sequence[str]) -> bool:
    match kind:
        case "number":
            return split_reference(argument) is not None or _is_number(argument)
        case "group":
            return _WILDCARD.search(_pattern(argument)) is not None
        case "threshold":
            return _is_number(argument)
        case "format":
            return is_format(argument)
        case "claim":
            return argument in claims
        case "check":
            return argument.count(":") == 1
    return bool(argument)


def is_format(form: str) -> bool:
    """Whether a number can be written in this Python format."""
    try:
        format(0.5, form)
    except ValueError:
        return False
    return True


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", text) is not None
